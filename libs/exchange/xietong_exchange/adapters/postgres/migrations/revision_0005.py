"""Incidents, the packages that they concern, what was done about them, and when a package was submitted."""

from __future__ import annotations

from alembic.operations import Operations

revision = "0005"
down_revision = "0004"

_STATEMENTS = (
    """
    CREATE TABLE incident (
        incident_id uuid NOT NULL,
        position bigint GENERATED ALWAYS AS IDENTITY,
        cause text NOT NULL,
        kind smallint NOT NULL,
        severity smallint NOT NULL,
        state smallint NOT NULL,
        hop smallint NOT NULL,
        system text NOT NULL,
        package_count integer NOT NULL,
        package_id uuid,
        package_state smallint NOT NULL,
        transferred_bytes bigint NOT NULL,
        total_bytes bigint NOT NULL,
        last_reason text NOT NULL,
        last_text_zh text NOT NULL,
        last_text_en text NOT NULL,
        submit_time timestamptz,
        relay_time timestamptz,
        open_time timestamptz NOT NULL,
        change_time timestamptz NOT NULL,
        close_time timestamptz,
        acknowledged_by text NOT NULL,
        acknowledge_time timestamptz,
        assignee text NOT NULL,
        silence_until timestamptz,
        escalated boolean NOT NULL,
        revision integer NOT NULL,
        notified_revision integer NOT NULL DEFAULT 0,
        CONSTRAINT pk_incident PRIMARY KEY (incident_id),
        CONSTRAINT uq_incident_position UNIQUE (position)
    )
    """,
    "CREATE UNIQUE INDEX uq_incident_cause ON incident (cause) WHERE state <> 3",
    "CREATE INDEX ix_incident_state_position ON incident (state, position)",
    "CREATE INDEX ix_incident_untold ON incident (position) WHERE revision > notified_revision",
    """
    CREATE TABLE incident_package (
        incident_id uuid NOT NULL,
        package_id uuid NOT NULL,
        CONSTRAINT pk_incident_package PRIMARY KEY (incident_id, package_id)
    )
    """,
    "CREATE INDEX ix_incident_package_package ON incident_package (package_id)",
    """
    ALTER TABLE operation_log
        ADD COLUMN incident_id uuid,
        ADD COLUMN note text NOT NULL DEFAULT ''
    """,
    """
    CREATE INDEX ix_operation_log_incident ON operation_log (incident_id, operation_id)
        WHERE incident_id IS NOT NULL
    """,
    "ALTER TABLE package ADD COLUMN submit_time timestamptz",
)


def upgrade(op: Operations) -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
