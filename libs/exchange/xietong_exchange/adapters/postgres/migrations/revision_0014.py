"""Mergers of cases, found by the case into which another went: only packages of the other one tell them."""

from __future__ import annotations

from alembic.operations import Operations

revision = "0014"
down_revision = "0013"


def upgrade(op: Operations) -> None:
    op.execute(
        """
        CREATE TABLE case_move (
            into_case uuid NOT NULL,
            from_case uuid NOT NULL,
            CONSTRAINT pk_case_move PRIMARY KEY (into_case, from_case)
        )
        """
    )
