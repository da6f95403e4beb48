"""How a package comes into the database: with all that belongs to it from the beginning, in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    LargeBinary,
    Select,
    SmallInteger,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import insert

from xietong_exchange.adapters.postgres.outbox import DELIVERY_COLUMNS, from_now
from xietong_exchange.adapters.postgres.statement import Statement, array, given, texts
from xietong_exchange.adapters.postgres.tables import (
    delivery,
    evidence,
    package,
    package_case_number,
    package_content,
)
from xietong_exchange.flow.records import EvidenceRecord, PackageRecord
from xietong_exchange.flow.store import NewDelivery

_PROOF = [each for each in evidence.c if each.name not in {"package_id", "position"}]
_GIVEN_BY_STORE = ("position", "changed_in", "touch_time", "contents_removed_time")


def given_columns(table: Table) -> list[str]:
    """Columns whose values the flow gives."""
    return [column.name for column in table.c if column.name not in _GIVEN_BY_STORE]


def _inserted() -> tuple[CTE, list[CTE]]:
    """The package, when it is new, and the statements that add its case numbers and what it needs."""
    columns = given_columns(package)
    added = (
        insert(package)
        .values(given(*columns))
        .on_conflict_do_nothing()
        .returning(package.c.package_id, package.c.position, package.c.changed_in)
        .cte("added")
    )
    lists = array("parties", SmallInteger()), array("numbers", Text())
    number = func.unnest(*lists).table_valued(column("party", SmallInteger), column("number", Text))
    numbered = number.render_derived()
    rows = select(added.c.package_id, numbered.c.party, numbered.c.number, added.c.position)
    numbers = insert(package_case_number).from_select(["package_id", "party", "number", "position"], rows)
    digests = func.unnest(array("digests", LargeBinary())).column_valued("digest")
    needs = select(cast(bindparam("sender"), SmallInteger), digests, added.c.package_id)
    contents = insert(package_content).from_select(["owner", "digest", "package_id"], needs)
    return added, [numbers.cte("numbers"), contents.cte("contents")]


def _add() -> Statement:
    """The package with its case numbers and what it needs; its position, when it is new."""
    added, others = _inserted()
    return Statement(select(added.c.position).add_cte(*others))


def _add_stated() -> Statement:
    """The same with pieces of evidence and, where a destination is given, a delivery; it answers that, and in which
    transaction.
    """
    added, others = _inserted()
    lists = [array(f"evidence_{each.name}", each.type) for each in _PROOF]
    proofs = func.unnest(*lists).table_valued(*(column(each.name, each.type) for each in _PROOF))
    proof = proofs.render_derived()
    stating = insert(evidence).from_select(
        ["package_id", *proof.c.keys()], select(added.c.package_id, *proof.c)
    )
    answer = answer_queued(added).add_columns(added.c.changed_in)
    return Statement(answer.add_cte(*others, stating.cte("stated")))


def answer_queued(added: CTE, **more: ColumnElement[Any]) -> Select[Any]:
    """What was added, with its delivery where a destination is given; `more` are columns of that."""
    values = ("destination", "lane", "offered", "lease_owner", "token", "attempts")
    row = {name: _given_as("delivery", delivery.c[name]) for name in values}
    row |= {"package_id": added.c.package_id, "lease_until": from_now("delivery_lease"), **more}
    is_wanted = row["destination"].is_not(None)
    queueing = insert(delivery).from_select(list(row), select(*row.values()).where(is_wanted))
    queued = queueing.returning(*DELIVERY_COLUMNS).cte("queued")
    return select(*queued.c).select_from(added.outerjoin(queued, true()))


def _given_as(prefix: str, of: Column[Any]) -> ColumnElement[Any]:
    """A value that comes with each call, of the type of this column."""
    return cast(bindparam(f"{prefix}_{of.name}"), of.type)


ADD = _add()
ADD_STATED = _add_stated()


def package_values(record: PackageRecord) -> dict[str, Any]:
    """The parameters of `ADD`."""
    numbers = dict.fromkeys(record.case_numbers)
    return {
        "parties": texts(party for party, _ in numbers),
        "numbers": texts(number for _, number in numbers),
        "digests": texts(dict.fromkeys(record.contents)),
        "package_id": record.package_id,
        "seal": record.seal,
        "envelope": record.envelope,
        "signature": record.signature,
        "direction": int(record.direction),
        "state": int(record.state),
        "state_time": record.state_time,
        "complete": record.complete,
        "size_bytes": record.size_bytes,
        "process_code": record.process_code,
        "sender": int(record.sender),
        "receiver": int(record.receiver),
        "collaboration_case_id": record.collaboration_case_id,
        "correlation_id": record.correlation_id or None,
        "corrects_package_id": record.corrects_package_id or None,
        "draft_id": record.draft_id or None,
        "receiver_case_number": record.receiver_case_number,
        "reasons": record.reasons,
        "create_time": record.create_time,
        "submit_time": record.submit_time,
        "trace_id": record.trace_id or None,
    }


def evidence_values(records: Sequence[EvidenceRecord]) -> dict[str, Any]:
    """What `ADD_STATED` takes beside, of the evidence."""
    return {
        f"evidence_{each.name}": texts(getattr(record, each.name) for record in records) for each in _PROOF
    }


def delivery_values(new: NewDelivery | None) -> dict[str, Any]:
    """What `ADD_STATED` takes beside, of the delivery."""
    owner, seconds = new.lease if new is not None and new.lease is not None else (None, None)
    claims = 0 if owner is None else 1
    return {
        "delivery_destination": int(new.destination) if new is not None else None,
        "delivery_lane": int(new.lane) if new is not None else None,
        "delivery_offered": new is not None and new.offered,
        "delivery_lease_owner": owner,
        "delivery_lease": None if seconds is None else timedelta(seconds=seconds),
        "delivery_token": claims,
        "delivery_attempts": claims,
    }
