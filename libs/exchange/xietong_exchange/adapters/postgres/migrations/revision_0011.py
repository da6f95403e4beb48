"""Announcements of maintenance, which operators make and which end by themselves."""

from __future__ import annotations

from alembic.operations import Operations

revision = "0011"
down_revision = "0010"

_STATEMENTS = (
    """
    CREATE TABLE maintenance (
        maintenance_id uuid CONSTRAINT pk_maintenance PRIMARY KEY,
        party smallint NOT NULL,
        start_time timestamp with time zone NOT NULL,
        end_time timestamp with time zone NOT NULL,
        text_zh text NOT NULL,
        text_en text NOT NULL
    )
    """,
    "CREATE INDEX ix_maintenance_end ON maintenance (end_time)",
)


def upgrade(op: Operations) -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
