"""For which maintenance an incident was silenced, so that the silence ends with the announcement."""

from __future__ import annotations

from alembic.operations import Operations

revision = "0017"
down_revision = "0016"


def upgrade(op: Operations) -> None:
    op.execute(
        "ALTER TABLE incident ADD COLUMN maintenance_id text NOT NULL DEFAULT '',"
        " ADD COLUMN silenced_by_maintenance boolean NOT NULL DEFAULT false"
    )
