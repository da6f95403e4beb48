"""Statistics of a month: when packages were delivered, and which ones are corrections, each by an index of its own."""

from __future__ import annotations

from alembic.operations import Operations

revision = "0007"
down_revision = "0006"

_STATEMENTS = (
    "CREATE INDEX ix_evidence_delivered ON evidence (event_time) INCLUDE (package_id) WHERE kind = 3",
    """
    CREATE INDEX ix_package_correction ON package (create_time) INCLUDE (state, process_code, sender, receiver)
        WHERE corrects_package_id IS NOT NULL
    """,
)


def upgrade(op: Operations) -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
