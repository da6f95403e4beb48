"""Which package needs which content, and since when nothing has changed: what retention goes by."""

from __future__ import annotations

from alembic.operations import Operations
from google.protobuf.message import DecodeError
from sqlalchemy import ARRAY, Connection, LargeBinary, bindparam, text

from xietong.exchange.v1.envelope_pb2 import Envelope

revision = "0003"
down_revision = "0002"

_STATEMENTS = (
    """
    ALTER TABLE package
        ADD COLUMN touch_time timestamptz NOT NULL DEFAULT statement_timestamp(),
        ADD COLUMN contents_removed_time timestamptz
    """,
    """
    CREATE INDEX ix_package_kept ON package (state, touch_time) INCLUDE (direction, sender, size_bytes)
        WHERE complete AND contents_removed_time IS NULL
    """,
    """
    CREATE INDEX ix_package_unfinished ON package (touch_time)
        WHERE NOT complete AND contents_removed_time IS NULL
    """,
    """
    CREATE TABLE package_content (
        owner smallint NOT NULL,
        digest bytea NOT NULL,
        package_id uuid NOT NULL,
        CONSTRAINT pk_package_content PRIMARY KEY (owner, digest, package_id)
    )
    """,
    "ALTER TABLE draft ADD COLUMN touch_time timestamptz NOT NULL DEFAULT statement_timestamp()",
    "CREATE INDEX ix_draft_open_touched ON draft (touch_time) WHERE state = 1",
)
_PAGE = text(
    "SELECT position, package_id, sender, envelope FROM package WHERE position > :after ORDER BY position LIMIT 100"
)
_HOLD = text(
    "INSERT INTO package_content SELECT :owner, digest, :package_id FROM unnest(:digests) digest"
).bindparams(bindparam("digests", type_=ARRAY(LargeBinary)))


def upgrade(op: Operations) -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
    _hold_all(op.get_bind())


def _hold_all(connection: Connection) -> None:
    """What packages that are here already need stands in their envelopes only."""
    after = 0
    while rows := connection.execute(_PAGE, {"after": after}).all():
        for after, package_id, sender, envelope in rows:  # noqa: B007 - the last position is where the next page begins
            if digests := _digests(envelope):
                connection.execute(_HOLD, {"owner": sender, "package_id": package_id, "digests": digests})


def _digests(envelope: bytes) -> list[bytes]:
    try:
        return sorted({part.digest.value for part in Envelope.FromString(envelope).parts})
    except DecodeError:  # No node takes such an envelope; there is nothing that it could name.
        return []
