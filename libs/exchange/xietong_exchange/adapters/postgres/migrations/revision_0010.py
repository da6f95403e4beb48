"""Packages are found by their trace. Those of before are not: their trace ids stand in the envelopes alone."""

from __future__ import annotations

from alembic.operations import Operations

revision = "0010"
down_revision = "0009"


def upgrade(op: Operations) -> None:
    op.execute("ALTER TABLE package ADD COLUMN trace_id uuid")
    op.execute("CREATE INDEX ix_package_trace ON package (trace_id) WHERE trace_id IS NOT NULL")
