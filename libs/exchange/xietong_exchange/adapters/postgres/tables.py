"""The tables as SQLAlchemy knows them. The migrations create them; a test holds both against each other."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ID = UUID(as_uuid=False)
_THIS_TRANSACTION = text("(pg_current_xact_id()::text)::bigint")
_TIME = DateTime(timezone=True)
_NOW = text("statement_timestamp()")

package = Table(
    "package",
    metadata,
    Column("package_id", _ID, primary_key=True),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column("seal", LargeBinary, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("direction", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("state_time", _TIME, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("process_code", Text, nullable=False),
    Column("sender", SmallInteger, nullable=False),
    Column("receiver", SmallInteger, nullable=False),
    Column("collaboration_case_id", _ID, nullable=False),
    Column("correlation_id", _ID),
    Column("corrects_package_id", _ID),
    Column("draft_id", _ID),
    Column("receiver_case_number", Text, nullable=False, server_default=""),
    Column("reasons", LargeBinary, nullable=False, server_default=text("''::bytea")),
    Column("create_time", _TIME, nullable=False),
    Column(
        "changed_in",
        BigInteger,
        nullable=False,
        server_default=_THIS_TRANSACTION,
        onupdate=_THIS_TRANSACTION,
    ),
    Column("touch_time", _TIME, nullable=False, server_default=_NOW, onupdate=_NOW),
    Column("contents_removed_time", _TIME),
    Column("submit_time", _TIME),
    Column("trace_id", _ID),
    # What search filters by is in the index by which it goes, so that it reads rows of the page only.
    UniqueConstraint(
        "position", postgresql_include=["state", "process_code", "sender", "receiver", "create_time"]
    ),
    Index(
        "ix_package_receiver_case_number",
        "receiver_case_number",
        "position",
        postgresql_ops={"receiver_case_number": "text_pattern_ops"},
        postgresql_where=text("receiver_case_number <> ''"),
    ),
    Index(
        "ix_package_correction",
        "create_time",
        postgresql_include=["state", "process_code", "sender", "receiver"],
        postgresql_where=text("corrects_package_id IS NOT NULL"),
    ),
    Index("ix_package_incoming_changed", "changed_in", "position", postgresql_where=text("direction = 3")),
    Index(
        "ix_package_transit_changed",
        "changed_in",
        "position",
        postgresql_include=["collaboration_case_id"],
        postgresql_where=text("direction = 2"),
    ),
    Index("ix_package_direction_position", "direction", "position"),
    Index("ix_package_direction_state_position", "direction", "state", "position"),
    Index("ix_package_case_position", "collaboration_case_id", "position"),
    Index("ix_package_process_position", "process_code", "position"),
    Index("ix_package_draft", "draft_id"),
    Index("ix_package_trace", "trace_id", postgresql_where=text("trace_id IS NOT NULL")),
    Index(
        "ix_package_kept",
        "state",
        "touch_time",
        postgresql_include=["direction", "sender", "size_bytes"],
        postgresql_where=text("complete AND contents_removed_time IS NULL"),
    ),
    Index(
        "ix_package_unfinished",
        "touch_time",
        postgresql_where=text("NOT complete AND contents_removed_time IS NULL"),
    ),
)

# Without a foreign key: packages stay for ever, and this is written for every part of every package.
package_content = Table(
    "package_content",
    metadata,
    Column("owner", SmallInteger, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("package_id", _ID, primary_key=True),
)

package_case_number = Table(
    "package_case_number",
    metadata,
    Column("package_id", _ID, ForeignKey("package.package_id"), primary_key=True),
    Column("party", SmallInteger, primary_key=True),
    Column("number", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Index(
        "ix_package_case_number_number",
        "number",
        "party",
        "position",
        postgresql_ops={"number": "text_pattern_ops"},
    ),
)

package_read = Table(
    "package_read",
    metadata,
    Column("package_id", _ID, ForeignKey("package.package_id"), primary_key=True),
    Column("number", Integer, primary_key=True),
)

evidence = Table(
    "evidence",
    metadata,
    Column("evidence_id", _ID, primary_key=True),
    Column("position", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("package_id", _ID, ForeignKey("package.package_id"), nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("stated_by", SmallInteger, nullable=False),
    Column("event_time", _TIME, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Index("ix_evidence_package", "package_id", "position"),
    Index(
        "ix_evidence_delivered",
        "event_time",
        postgresql_include=["package_id"],
        postgresql_where=text("kind = 3"),
    ),
)

delivery = Table(
    "delivery",
    metadata,
    Column("delivery_id", BigInteger, Identity(always=True), primary_key=True),
    Column("destination", SmallInteger, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("package_id", _ID, ForeignKey("package.package_id"), nullable=False),
    Column("evidence_id", _ID, ForeignKey("evidence.evidence_id")),
    Column("status", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("token", BigInteger, nullable=False, server_default=text("0")),
    Column("lease_owner", Text),
    Column("lease_until", _TIME),
    Column("offered", Boolean, nullable=False, server_default=text("false")),
    Column("create_time", _TIME, nullable=False, server_default=text("now()")),
    Column("due_time", _TIME, nullable=False, server_default=text("now()")),
    Column("progress_time", _TIME, nullable=False, server_default=text("now()")),
    Column("last_reason", Text, nullable=False, server_default=""),
    Column("last_text_zh", Text, nullable=False, server_default=""),
    Column("last_text_en", Text, nullable=False, server_default=""),
    UniqueConstraint("destination", "package_id", "evidence_id", postgresql_nulls_not_distinct=True),
    Index("ix_delivery_due", "destination", "lane", "due_time", postgresql_where=text("status = 'pending'")),
    Index("ix_delivery_status", "status", "delivery_id", postgresql_where=text("status <> 'done'")),
    Index("ix_delivery_package", "package_id"),
)

draft = Table(
    "draft",
    metadata,
    Column("draft_id", _ID, primary_key=True),
    Column("position", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("organ_code", Text, nullable=False),
    Column("case_number", Text, nullable=False),
    Column("process_code", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("header", LargeBinary, nullable=False, server_default=text("''::bytea")),
    Column("state", SmallInteger, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("touch_time", _TIME, nullable=False, server_default=_NOW, onupdate=_NOW),
    Index(
        "uq_draft_open",
        "organ_code",
        "case_number",
        "process_code",
        "label",
        unique=True,
        postgresql_where=text("state = 1"),
    ),
    Index("ix_draft_open_touched", "touch_time", postgresql_where=text("state = 1")),
    Index("ix_draft_key", "organ_code", "case_number", "process_code", "label", "position"),
)

contribution = Table(
    "contribution",
    metadata,
    Column("draft_id", _ID, ForeignKey("draft.draft_id"), primary_key=True),
    Column("system", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, Identity(always=True), nullable=False),
    Column("fragment", LargeBinary, nullable=False),
)

draft_content = Table(
    "draft_content",
    metadata,
    Column("draft_id", _ID, ForeignKey("draft.draft_id"), primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Index("ix_draft_content_digest", "digest"),
)

send_request = Table(
    "send_request",
    metadata,
    Column("request_id", Text, primary_key=True),
    Column("draft_id", _ID, ForeignKey("draft.draft_id"), nullable=False),
)

operation_log = Table(
    "operation_log",
    metadata,
    Column("operation_id", BigInteger, Identity(always=True), primary_key=True),
    Column("operation", Text, nullable=False),
    Column("caller", Text, nullable=False),
    Column("organ_code", Text, nullable=False),
    Column("handler_ref", Text, nullable=False),
    # No foreign keys: what was done stays on record whatever becomes of its subject.
    Column("draft_id", _ID),
    Column("package_id", _ID),
    Column("delivery_id", BigInteger),
    Column("operation_time", _TIME, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("incident_id", _ID),
    Column("note", Text, nullable=False, server_default=""),
    Index(
        "ix_operation_log_delivery",
        "delivery_id",
        "operation_id",
        postgresql_where=text("delivery_id IS NOT NULL"),
    ),
    Index(
        "ix_operation_log_incident",
        "incident_id",
        "operation_id",
        postgresql_where=text("incident_id IS NOT NULL"),
    ),
)

incident = Table(
    "incident",
    metadata,
    Column("incident_id", _ID, primary_key=True),
    Column("position", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("cause", Text, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("hop", SmallInteger, nullable=False),
    Column("system", Text, nullable=False),
    Column("package_count", Integer, nullable=False),
    Column("package_id", _ID),
    Column("package_state", SmallInteger, nullable=False),
    Column("transferred_bytes", BigInteger, nullable=False),
    Column("total_bytes", BigInteger, nullable=False),
    Column("last_reason", Text, nullable=False),
    Column("last_text_zh", Text, nullable=False),
    Column("last_text_en", Text, nullable=False),
    Column("submit_time", _TIME),
    Column("relay_time", _TIME),
    Column("open_time", _TIME, nullable=False),
    Column("change_time", _TIME, nullable=False),
    Column("close_time", _TIME),
    Column("acknowledged_by", Text, nullable=False),
    Column("acknowledge_time", _TIME),
    Column("assignee", Text, nullable=False),
    Column("silence_until", _TIME),
    Column("maintenance_id", Text, nullable=False, server_default=text("''")),
    Column("silenced_by_maintenance", Boolean, nullable=False, server_default=text("false")),
    Column("escalated", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("notified_revision", Integer, nullable=False, server_default=text("0")),
    Index("uq_incident_cause", "cause", unique=True, postgresql_where=text("state <> 3")),
    Index("ix_incident_state_position", "state", "position"),
    Index("ix_incident_untold", "position", postgresql_where=text("revision > notified_revision")),
)

incident_package = Table(
    "incident_package",
    metadata,
    Column("incident_id", _ID, primary_key=True),
    Column("package_id", _ID, primary_key=True),
    Index("ix_incident_package_package", "package_id"),
)

contact = Table(
    "contact",
    metadata,
    Column("party", SmallInteger, primary_key=True),
    Column("system", Text, primary_key=True),
    Column("vendor", Text, primary_key=True),
    Column("level", SmallInteger, primary_key=True),
    Column("reach", Text, nullable=False),
    Column("duty_hours", Text, nullable=False),
    Column("removed", Boolean, nullable=False),
)

maintenance = Table(
    "maintenance",
    metadata,
    Column("maintenance_id", _ID, primary_key=True),
    Column("party", SmallInteger, nullable=False),
    Column("start_time", _TIME, nullable=False),
    Column("end_time", _TIME, nullable=False),
    Column("text_zh", Text, nullable=False),
    Column("text_en", Text, nullable=False),
    Index("ix_maintenance_end", "end_time"),
)

problem = Table(
    "problem",
    metadata,
    Column("report_id", _ID, primary_key=True),
    Column("position", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("package_id", _ID, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    Column("reported_by", SmallInteger, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("create_time", _TIME, nullable=False),
    Column("change_time", _TIME, nullable=False),
    Index("ix_problem_package", "package_id", "position"),
    Index("ix_problem_state_position", "state", "position"),
)

problem_note = Table(
    "problem_note",
    metadata,
    Column("note_id", _ID, primary_key=True),
    Column("position", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("report_id", _ID, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("destination", SmallInteger),
    Index("ix_problem_note_report", "report_id", "position"),
    Index(
        "ix_problem_note_undelivered",
        "destination",
        "position",
        postgresql_where=text("destination IS NOT NULL"),
    ),
)

standard_change = Table(
    "standard_change",
    metadata,
    Column("change_id", _ID, primary_key=True),
    Column("position", BigInteger, Identity(), nullable=False),
    Column("requester", SmallInteger, nullable=False),
    Column("request_id", _ID, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("change", LargeBinary, nullable=False),
    UniqueConstraint("position", name="uq_standard_change_position"),
    UniqueConstraint("requester", "request_id", name="uq_standard_change_request"),
    Index("ix_standard_change_state", "state", "position"),
)
