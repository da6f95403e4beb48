"""How a neighbour's evidence comes into the database: with all that it changes, in one statement."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, bindparam, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert

from xietong_exchange.adapters.postgres.adding import answer_queued, given_columns
from xietong_exchange.adapters.postgres.outbox import DONE, held_with
from xietong_exchange.adapters.postgres.statement import Statement, given
from xietong_exchange.adapters.postgres.tables import delivery, evidence, package
from xietong_exchange.flow.records import EvidenceRecord, PackageChange
from xietong_exchange.flow.store import Lease

CHANGES = {
    **given("state", "state_time"),
    **{
        name: func.coalesce(bindparam(name, type_=package.c[name].type), package.c[name])
        for name in ("complete", "reasons", "receiver_case_number")
    },
}


def _take() -> Statement:
    """Nothing of it happens when the package was changed since it was read: who waits for that looks again."""
    as_read = package.c.changed_in == bindparam("changed_in", type_=BigInteger)
    this = package.c.package_id == bindparam("package_id", type_=package.c.package_id.type)
    seen = select(package.c.package_id).where(this, as_read).with_for_update(key_share=True).cte("seen")
    names = [name for name in given_columns(evidence) if name != "package_id"]
    piece = {name: cast(bindparam(name), evidence.c[name].type) for name in names}
    adding = insert(evidence).from_select(["package_id", *piece], select(seen.c.package_id, *piece.values()))
    new = adding.on_conflict_do_nothing().returning(evidence.c.package_id, evidence.c.evidence_id)
    added = new.cte("added")
    changing = update(package).where(package.c.package_id == added.c.package_id).values(CHANGES)
    lease = cast(bindparam("settled"), BigInteger), cast(bindparam("by_token"), BigInteger)
    is_settled = delivery.c.package_id == added.c.package_id
    settling = update(delivery).where(held_with(*lease), is_settled).values(DONE)
    return Statement(
        answer_queued(added, evidence_id=added.c.evidence_id).add_cte(
            changing.cte("changed"), settling.cte("settled")
        )
    )


TAKE = _take()


def change_values(change: PackageChange) -> dict[str, Any]:
    """The parameters of `CHANGES`."""
    return {
        "state": int(change.state),
        "state_time": change.state_time,
        "complete": change.complete,
        "reasons": change.reasons,
        "receiver_case_number": change.receiver_case_number,
    }


def piece_values(record: EvidenceRecord) -> dict[str, Any]:
    """The parameters of a piece of evidence."""
    return {
        "evidence_id": record.evidence_id,
        "package_id": record.package_id,
        "kind": int(record.kind),
        "stated_by": int(record.stated_by),
        "event_time": record.event_time,
        "statement": record.statement,
        "signature": record.signature,
    }


def lease_values(lease: Lease | None) -> dict[str, Any]:
    """What `TAKE` takes beside, of the delivery that is over."""
    settled, by_token = lease if lease is not None else (None, None)
    return {"settled": settled, "by_token": by_token}
