"""The first schema: packages with their evidence, the outbox, drafts, and the log of operations."""

from __future__ import annotations

from alembic.operations import Operations

revision = "0001"
down_revision = None

_STATEMENTS = (
    """
    CREATE TABLE package (
        package_id uuid NOT NULL,
        position bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
        seal bytea NOT NULL,
        envelope bytea NOT NULL,
        signature bytea NOT NULL,
        direction smallint NOT NULL,
        state smallint NOT NULL,
        state_time timestamptz NOT NULL,
        complete boolean NOT NULL,
        size_bytes bigint NOT NULL,
        process_code text NOT NULL,
        sender smallint NOT NULL,
        receiver smallint NOT NULL,
        collaboration_case_id uuid NOT NULL,
        correlation_id uuid,
        corrects_package_id uuid,
        draft_id uuid,
        receiver_case_number text NOT NULL DEFAULT '',
        reasons bytea NOT NULL DEFAULT ''::bytea,
        create_time timestamptz NOT NULL,
        changed_in bigint NOT NULL DEFAULT (pg_current_xact_id()::text)::bigint,
        CONSTRAINT pk_package PRIMARY KEY (package_id),
        CONSTRAINT uq_package_position UNIQUE (position)
    )
    """,
    "CREATE INDEX ix_package_incoming_changed ON package (changed_in, position) WHERE direction = 3",
    "CREATE INDEX ix_package_direction_position ON package (direction, position)",
    "CREATE INDEX ix_package_direction_state_position ON package (direction, state, position)",
    "CREATE INDEX ix_package_case_position ON package (collaboration_case_id, position)",
    "CREATE INDEX ix_package_process_position ON package (process_code, position)",
    "CREATE INDEX ix_package_draft ON package (draft_id)",
    """
    CREATE TABLE package_case_number (
        package_id uuid NOT NULL,
        party smallint NOT NULL,
        number text NOT NULL,
        position bigint NOT NULL,
        CONSTRAINT pk_package_case_number PRIMARY KEY (package_id, party, number),
        CONSTRAINT fk_package_case_number_package_id FOREIGN KEY (package_id) REFERENCES package (package_id)
    )
    """,
    "CREATE INDEX ix_package_case_number_number ON package_case_number (party, number, position)",
    """
    CREATE TABLE package_read (
        package_id uuid NOT NULL,
        number integer NOT NULL,
        CONSTRAINT pk_package_read PRIMARY KEY (package_id, number),
        CONSTRAINT fk_package_read_package_id FOREIGN KEY (package_id) REFERENCES package (package_id)
    )
    """,
    """
    CREATE TABLE evidence (
        evidence_id uuid NOT NULL,
        position bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
        package_id uuid NOT NULL,
        kind smallint NOT NULL,
        stated_by smallint NOT NULL,
        event_time timestamptz NOT NULL,
        statement bytea NOT NULL,
        signature bytea NOT NULL,
        CONSTRAINT pk_evidence PRIMARY KEY (evidence_id),
        CONSTRAINT uq_evidence_position UNIQUE (position),
        CONSTRAINT fk_evidence_package_id FOREIGN KEY (package_id) REFERENCES package (package_id)
    )
    """,
    "CREATE INDEX ix_evidence_package ON evidence (package_id, position)",
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
            USING ERRCODE = 'restrict_violation', HINT = 'It is proof; correct it by adding to it.';
    END
    $$
    """,
    """
    CREATE TRIGGER evidence_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON evidence
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
    """
    CREATE TABLE delivery (
        delivery_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
        destination smallint NOT NULL,
        lane smallint NOT NULL,
        package_id uuid NOT NULL,
        evidence_id uuid,
        status text NOT NULL DEFAULT 'pending',
        attempts integer NOT NULL DEFAULT 0,
        token bigint NOT NULL DEFAULT 0,
        lease_owner text,
        lease_until timestamptz,
        offered boolean NOT NULL DEFAULT false,
        create_time timestamptz NOT NULL DEFAULT now(),
        due_time timestamptz NOT NULL DEFAULT now(),
        progress_time timestamptz NOT NULL DEFAULT now(),
        last_reason text NOT NULL DEFAULT '',
        last_text_zh text NOT NULL DEFAULT '',
        last_text_en text NOT NULL DEFAULT '',
        CONSTRAINT pk_delivery PRIMARY KEY (delivery_id),
        CONSTRAINT uq_delivery_destination_package_id_evidence_id
            UNIQUE NULLS NOT DISTINCT (destination, package_id, evidence_id),
        CONSTRAINT fk_delivery_package_id FOREIGN KEY (package_id) REFERENCES package (package_id),
        CONSTRAINT fk_delivery_evidence_id FOREIGN KEY (evidence_id) REFERENCES evidence (evidence_id)
    )
    """,
    "CREATE INDEX ix_delivery_due ON delivery (destination, lane, due_time) WHERE status = 'pending'",
    "CREATE INDEX ix_delivery_status ON delivery (status, delivery_id) WHERE status <> 'done'",
    "CREATE INDEX ix_delivery_package ON delivery (package_id)",
    """
    CREATE TABLE draft (
        draft_id uuid NOT NULL,
        position bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
        organ_code text NOT NULL,
        case_number text NOT NULL,
        process_code text NOT NULL,
        label text NOT NULL,
        header bytea NOT NULL DEFAULT ''::bytea,
        state smallint NOT NULL,
        create_time timestamptz NOT NULL,
        CONSTRAINT pk_draft PRIMARY KEY (draft_id),
        CONSTRAINT uq_draft_position UNIQUE (position)
    )
    """,
    "CREATE UNIQUE INDEX uq_draft_open ON draft (organ_code, case_number, process_code, label) WHERE state = 1",
    "CREATE INDEX ix_draft_key ON draft (organ_code, case_number, process_code, label, position)",
    """
    CREATE TABLE contribution (
        draft_id uuid NOT NULL,
        system text NOT NULL,
        name text NOT NULL,
        position bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
        fragment bytea NOT NULL,
        CONSTRAINT pk_contribution PRIMARY KEY (draft_id, system, name),
        CONSTRAINT fk_contribution_draft_id FOREIGN KEY (draft_id) REFERENCES draft (draft_id)
    )
    """,
    """
    CREATE TABLE draft_content (
        draft_id uuid NOT NULL,
        digest bytea NOT NULL,
        CONSTRAINT pk_draft_content PRIMARY KEY (draft_id, digest),
        CONSTRAINT fk_draft_content_draft_id FOREIGN KEY (draft_id) REFERENCES draft (draft_id)
    )
    """,
    "CREATE INDEX ix_draft_content_digest ON draft_content (digest)",
    """
    CREATE TABLE send_request (
        request_id text NOT NULL,
        draft_id uuid NOT NULL,
        CONSTRAINT pk_send_request PRIMARY KEY (request_id),
        CONSTRAINT fk_send_request_draft_id FOREIGN KEY (draft_id) REFERENCES draft (draft_id)
    )
    """,
    """
    CREATE TABLE operation_log (
        operation_id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
        operation text NOT NULL,
        caller text NOT NULL,
        organ_code text NOT NULL,
        handler_ref text NOT NULL,
        draft_id uuid,
        package_id uuid,
        delivery_id bigint,
        operation_time timestamptz NOT NULL,
        CONSTRAINT pk_operation_log PRIMARY KEY (operation_id)
    )
    """,
    """
    CREATE TRIGGER operation_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON operation_log
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade(op: Operations) -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
