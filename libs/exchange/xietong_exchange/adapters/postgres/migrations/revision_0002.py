"""Dead letters in the log of operations: why a delivery was given up, and a way to find what became of one."""

from __future__ import annotations

from alembic.operations import Operations

revision = "0002"
down_revision = "0001"

_STATEMENTS = (
    "ALTER TABLE operation_log ADD COLUMN reason text NOT NULL DEFAULT ''",
    "CREATE INDEX ix_operation_log_delivery ON operation_log (delivery_id, operation_id) WHERE delivery_id IS NOT NULL",
)


def upgrade(op: Operations) -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
