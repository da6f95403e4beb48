"""Finding packages among a million: one index that answers every combination of filters, numbers by their beginning.

No index is added to what is written for every package: two that were there carry more.
"""

from __future__ import annotations

from alembic.operations import Operations

revision = "0004"
down_revision = "0003"

_STATEMENTS = (
    "ALTER TABLE package DROP CONSTRAINT uq_package_position",
    """
    ALTER TABLE package ADD CONSTRAINT uq_package_position UNIQUE (position)
        INCLUDE (state, process_code, sender, receiver, create_time)
    """,
    "DROP INDEX ix_package_case_number_number",
    # Of this operator class also beginnings are found, whatever the collation of the database.
    """
    CREATE INDEX ix_package_case_number_number ON package_case_number (number text_pattern_ops, party, position)
    """,
    """
    CREATE INDEX ix_package_receiver_case_number ON package (receiver_case_number text_pattern_ops, position)
        WHERE receiver_case_number <> ''
    """,
)


def upgrade(op: Operations) -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
