"""When somebody is to be told of a deadline next, so that each is told of once, also after a restart.

How deadlines stand at the moment of the upgrade is no news.
"""

from __future__ import annotations

from alembic.operations import Operations

revision = "0015"
down_revision = "0014"


def upgrade(op: Operations) -> None:
    op.execute("ALTER TABLE deadline ADD COLUMN notice_time timestamptz")
    op.execute(
        "UPDATE deadline SET notice_time = CASE WHEN warning_time > now() THEN warning_time ELSE due_time END"
        " WHERE due_time > now()"
    )
    op.execute(
        "CREATE INDEX ix_deadline_notice ON deadline (notice_time)"
        " WHERE notice_time IS NOT NULL AND NOT suspended"
    )
