"""Reports of problems with packages, and the notes on them that travel between the parties."""

from __future__ import annotations

from alembic.operations import Operations

revision = "0008"
down_revision = "0007"

_STATEMENTS = (
    """
    CREATE TABLE problem (
        report_id uuid NOT NULL,
        position bigint GENERATED ALWAYS AS IDENTITY,
        package_id uuid NOT NULL,
        kind smallint NOT NULL,
        reported_by smallint NOT NULL,
        state smallint NOT NULL,
        create_time timestamptz NOT NULL,
        change_time timestamptz NOT NULL,
        CONSTRAINT pk_problem PRIMARY KEY (report_id),
        CONSTRAINT uq_problem_position UNIQUE (position)
    )
    """,
    "CREATE INDEX ix_problem_package ON problem (package_id, position)",
    "CREATE INDEX ix_problem_state_position ON problem (state, position)",
    """
    CREATE TABLE problem_note (
        note_id uuid NOT NULL,
        position bigint GENERATED ALWAYS AS IDENTITY,
        report_id uuid NOT NULL,
        content bytea NOT NULL,
        signature bytea NOT NULL,
        destination smallint,
        CONSTRAINT pk_problem_note PRIMARY KEY (note_id),
        CONSTRAINT uq_problem_note_position UNIQUE (position)
    )
    """,
    "CREATE INDEX ix_problem_note_report ON problem_note (report_id, position)",
    """
    CREATE INDEX ix_problem_note_undelivered ON problem_note (destination, position)
        WHERE destination IS NOT NULL
    """,
)


def upgrade(op: Operations) -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
