"""Moves of persons, found by the case that they left: at a split only packages of the other one tell it."""

from __future__ import annotations

from alembic.operations import Operations

revision = "0016"
down_revision = "0015"


def upgrade(op: Operations) -> None:
    op.execute("CREATE INDEX ix_case_move_from ON case_move (from_case)")
