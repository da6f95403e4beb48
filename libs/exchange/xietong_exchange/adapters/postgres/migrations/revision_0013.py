"""Deadlines whose time is not counted now are few, and are found among all others."""

from __future__ import annotations

from alembic.operations import Operations

revision = "0013"
down_revision = "0012"


def upgrade(op: Operations) -> None:
    op.execute("CREATE INDEX ix_deadline_suspended ON deadline (due_time, deadline_id) WHERE suspended")
