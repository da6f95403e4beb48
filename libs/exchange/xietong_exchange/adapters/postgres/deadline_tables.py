"""The tables of deadlines, beside `tables`: the clocks of all cases that run to an end, and what is to be looked at."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

from xietong_exchange.adapters.postgres.tables import metadata

_ID = UUID(as_uuid=False)
_TIME = DateTime(timezone=True)

deadline = Table(
    "deadline",
    metadata,
    Column("deadline_id", BigInteger, Identity(), nullable=False),
    Column("collaboration_case_id", _ID, primary_key=True),
    Column("person_id", Text, primary_key=True),
    Column("clock_id", Text, primary_key=True),
    Column("party", SmallInteger, primary_key=True),
    Column("due_time", _TIME, nullable=False),
    Column("warning_time", _TIME, nullable=False),
    Column("suspended", Boolean, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("notice_time", _TIME),
    Index("ix_deadline_party", "party", "due_time", "deadline_id"),
    Index("ix_deadline_due", "due_time", "deadline_id"),
    Index("ix_deadline_suspended", "due_time", "deadline_id", postgresql_where=text("suspended")),
    Index(
        "ix_deadline_notice",
        "notice_time",
        postgresql_where=text("notice_time IS NOT NULL AND NOT suspended"),
    ),
)

# Cases whose clocks are to be evaluated, and when: those that changed, and daily those that have deadlines.
deadline_case = Table(
    "deadline_case",
    metadata,
    Column("collaboration_case_id", _ID, primary_key=True),
    Column("refresh_time", _TIME, nullable=False),
    Column("change_time", _TIME, nullable=False),
    Index("ix_deadline_case_refresh", "refresh_time"),
)

# One row: how far the changes of packages were looked through, and how far back those of before.
deadline_progress = Table(
    "deadline_progress",
    metadata,
    Column("one", SmallInteger, primary_key=True, autoincrement=False),
    Column("changed_in", BigInteger, nullable=False),
    Column("before", BigInteger, nullable=False),
)

# Between which cases persons moved, as far as these were evaluated: the packages of one of them tell it, those of the
# other one do not.
case_move = Table(
    "case_move",
    metadata,
    Column("into_case", _ID, primary_key=True),
    Column("from_case", _ID, primary_key=True),
    Index("ix_case_move_from", "from_case"),
)
