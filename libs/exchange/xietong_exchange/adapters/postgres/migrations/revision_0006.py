"""What operators changed of the directory."""

from __future__ import annotations

from alembic.operations import Operations

revision = "0006"
down_revision = "0005"


def upgrade(op: Operations) -> None:
    op.execute(
        """
        CREATE TABLE contact (
            party smallint NOT NULL,
            system text NOT NULL,
            vendor text NOT NULL,
            level smallint NOT NULL,
            reach text NOT NULL,
            duty_hours text NOT NULL,
            removed boolean NOT NULL,
            CONSTRAINT pk_contact PRIMARY KEY (party, system, vendor, level)
        )
        """
    )
