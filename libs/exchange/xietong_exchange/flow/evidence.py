"""Evidence, which travels back: stating what happened here, taking what neighbours state, passing it on.

A state changes in the same transaction in which its evidence is recorded and put into the outbox; there is no state
without evidence and no evidence without its row.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC

from xietong.exchange.v1.envelope_pb2 import Lane, Party, Signature
from xietong.exchange.v1.evidence_pb2 import Actor, Evidence, EvidenceKind, Reason, Statement
from xietong.exchange.v1.package_pb2 import Direction
from xietong_exchange.domain.delivery import advance, travels_back, travels_forward
from xietong_exchange.domain.envelope import SealedPackage
from xietong_exchange.domain.errors import (
    EvidenceInvalid,
    PackageNotFound,
    SenderMismatch,
    XietongError,
)
from xietong_exchange.domain.evidence import Event, check_statement, make_statement, read_statement
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.changes import INBOX
from xietong_exchange.flow.exchange import Exchange, sealed
from xietong_exchange.flow.measures import MEASURES
from xietong_exchange.flow.records import EvidenceRecord, PackageRecord, Proof
from xietong_exchange.flow.statements import answer_to_withdrawal, change_of, evidence_row, is_past
from xietong_exchange.flow.store import Lease, Transaction
from xietong_exchange.flow.tracing import package_span

log = logging.getLogger(__name__)

KIND_ATTRIBUTE = "xietong.evidence.kind"
CARRIED_BY_ACCEPTANCE = frozenset({EvidenceKind.EVIDENCE_KIND_RELAYED, EvidenceKind.EVIDENCE_KIND_DELIVERED})
"""The neighbour gets these in the `Acceptance` of the transfer, also when it asks again."""
ENDS_TRANSFER = CARRIED_BY_ACCEPTANCE | {EvidenceKind.EVIDENCE_KIND_WITHDRAWN}
"""A package that is withdrawn while it arrives is answered with the evidence of that instead."""


@dataclass(frozen=True, slots=True)
class _Verified:
    """A piece of evidence, read, and who signed it."""

    evidence: Evidence
    statement: Statement
    signer: Party.ValueType


class EvidenceDesk:
    """States, takes and passes on evidence for one node."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def state(
        self, tx: Transaction, record: PackageRecord, event: Event, *, complete: bool = False
    ) -> EvidenceRecord:
        """State an event about a package inside the caller's transaction, sign it and send it on its way.

        `complete`: with this event the node holds all parts.
        """
        with self._span("state evidence", record, event.kind):
            statement, evidence = self._sign(record, event)
            await self._apply(tx, record, statement, evidence, complete=complete)
            if event.kind not in CARRIED_BY_ACCEPTANCE:
                await self._pass_on(tx, record, evidence, came_from=None)
            _measure(tx, sealed(record), statement, own=True)
            return evidence

    async def state_first(
        self,
        tx: Transaction,
        record: PackageRecord,
        event: Event,
        lane: Lane.ValueType | None,
        *,
        offered: bool = False,
        passed: EvidenceRecord | None = None,
    ) -> EvidenceRecord | None:
        """State the event with which this node begins to hold a package that is not on record, and record both at once.

        Args:
            tx: the transaction; this is one change.
            record: the package.
            event: what happened.
            lane: by which the package goes on to the next node; None when it stays.
            offered: see `Places.hand_on`.
            passed: evidence that came along with it, see `passed`.

        Returns:
            The evidence; None when the package is on record already: nothing is changed then.
        """
        with self._span("state evidence", record, event.kind):
            statement, evidence = self._sign(record, event)
            reached = advance(record.state, statement.kind)
            held = replace(record, state=reached, state_time=evidence.event_time, complete=True)
            posting = None
            if lane is not None:
                hop = self._exchange.routes.next_hop(record.receiver)
                along = evidence if event.kind == EvidenceKind.EVIDENCE_KIND_RELAYED else None
                posting = self._exchange.places.posting(tx, hop, lane, held, along, offered=offered)
            stated = [evidence] if passed is None else [passed, evidence]
            added = await tx.packages.add_stated(held, stated, posting.new if posting is not None else None)
            if posting is not None and added is not None:
                posting.recorded = added.delivery
                posting.package = replace(held, changed_in=added.changed_in)
            if added is not None:
                _measure(tx, sealed(record), statement, own=True)
            return evidence if added is not None else None

    def passed(self, package: SealedPackage, evidence: Evidence) -> EvidenceRecord | None:
        """What a node on the way has stated of passing on a package that arrives here; None when it does not hold.

        The package is taken all the same: the evidence only tells more of its way.
        """
        try:
            verified = self._verify(evidence)
            check_statement(verified.statement, package, verified.signer)
            if verified.statement.kind != EvidenceKind.EVIDENCE_KIND_RELAYED:
                raise EvidenceInvalid(why="only RELAYED goes along with a package")
        except XietongError as error:
            log.warning(
                "evidence that came with package %s is left out: %s",
                package.package_id,
                error.message_en,
                extra={"package_id": package.package_id},
            )
            return None
        return evidence_row(verified.statement, evidence.statement, evidence.signature)

    def _span(
        self, stage: str, record: PackageRecord, kind: EvidenceKind.ValueType
    ) -> AbstractContextManager[object]:
        return package_span(stage, sealed(record), more={KIND_ATTRIBUTE: kind_name(kind)})

    def _sign(self, record: PackageRecord, event: Event) -> tuple[Statement, EvidenceRecord]:
        exchange = self._exchange
        statement = make_statement(
            sealed(record), event, evidence_id=exchange.new_id(), stated_by=exchange.party
        )
        raw = statement.SerializeToString()
        return statement, evidence_row(statement, raw, exchange.notary.sign("Statement", raw))

    async def take(
        self,
        evidence: Evidence,
        peer: Party.ValueType,
        *,
        settles: Lease | None = None,
        known: PackageRecord | None = None,
    ) -> str:
        """Take a neighbour's evidence; returns its id. Known evidence changes nothing.

        settles: the delivery of which it tells that the neighbour has it.
        known: its package as it was recorded or read a while ago; most are still the same.

        Raises:
            SignatureInvalid, EvidenceInvalid, PackageNotFound, SenderMismatch.
        """
        verified = self._verify(evidence)
        async with self._exchange.store.transaction(single=True) as tx:
            record = await self._take_as_read(tx, verified, peer, known, settles)
        if record is None:
            async with self._exchange.store.transaction() as tx:
                record = await self._take_verified(tx, verified, peer)
                if settles is not None:
                    await tx.outbox.finish([settles])
        self.announce(record)
        return verified.statement.evidence_id

    async def take_all(self, pieces: Sequence[Evidence], peer: Party.ValueType) -> list[str | XietongError]:
        """Take pieces of a neighbour's evidence: for each its id, or why it was not taken."""
        with self._exchange.right_of_way.taken():
            if len(pieces) == 1:
                return [await self._take_or_error(pieces[0], peer)]
            try:
                return list(await self._take_at_once(pieces, peer))
            except XietongError:  # One that is wrong must not keep the others from being taken.
                return [await self._take_or_error(piece, peer) for piece in pieces]

    async def _take_at_once(self, pieces: Sequence[Evidence], peer: Party.ValueType) -> list[str]:
        verified = [self._verify(piece) for piece in pieces]
        async with self._exchange.store.transaction() as tx:
            # Whoever locks several packages does so in one order; the pieces about one package keep theirs.
            in_order = sorted(verified, key=lambda one: one.statement.package_id)
            read = await tx.packages.get_many([one.statement.package_id for one in in_order])
            known = {record.package_id: record for record in read}
            records = [
                await self._take_as_read(tx, one, peer, known.get(one.statement.package_id))
                or await self._take_verified(tx, one, peer)
                for one in in_order
            ]
        for record in records:
            self.announce(record)
        return [one.statement.evidence_id for one in verified]

    async def _take_or_error(self, piece: Evidence, peer: Party.ValueType) -> str | XietongError:
        try:
            return await self.take(piece, peer)
        except XietongError as error:
            return error

    def _verify(self, evidence: Evidence) -> _Verified:
        statement = read_statement(evidence.statement)
        signer = self._exchange.notary.verify(
            "Statement",
            evidence.statement,
            evidence.signature,
            signed_at=statement.event_time.ToDatetime(tzinfo=UTC),
        )
        return _Verified(evidence, statement, signer)

    async def _take_as_read(
        self,
        tx: Transaction,
        verified: _Verified,
        peer: Party.ValueType,
        known: PackageRecord | None,
        settles: Lease | None = None,
    ) -> PackageRecord | None:
        """Take what only moves a package on, without a lock, as one change of the package as it is read.

        None, and nothing is changed, when it is more than that, or known, or when somebody was faster.
        """
        statement, evidence = verified.statement, verified.evidence
        if statement.kind not in CARRIED_BY_ACCEPTANCE:
            return None
        row = evidence_row(statement, evidence.statement, evidence.signature)
        is_known = known is not None and known.changed_in and known.package_id == statement.package_id
        record = known if is_known else await tx.packages.get(statement.package_id)
        if record is None:
            return None
        with self._checked(record, verified, peer):
            change, posting = change_of(record, statement, row), None
            if change is None:
                return None
            for hop in self._hops([record.sender], came_from=peer):
                posting = self._exchange.places.posting(tx, hop, Lane.LANE_EVIDENCE, record, row)
            new = posting.new if posting is not None else None
            added = await tx.packages.take(record, row, change, settles=settles, delivery=new)
            if added is None:
                return None
            if posting is not None:
                posting.recorded = added.delivery
            _measure(tx, sealed(record), statement, own=False)
        return record

    @contextmanager
    def _checked(self, record: PackageRecord, verified: _Verified, peer: Party.ValueType) -> Iterator[None]:
        """The span of taking evidence that this peer may bring, and that is about this package."""
        self._check_peer(record, peer)
        package, statement = sealed(record), verified.statement
        with package_span("take evidence", package, more={KIND_ATTRIBUTE: kind_name(statement.kind)}):
            check_statement(statement, package, verified.signer)
            yield

    async def _take_verified(
        self, tx: Transaction, verified: _Verified, peer: Party.ValueType
    ) -> PackageRecord:
        statement = verified.statement
        record = await tx.packages.get(statement.package_id, lock=True)
        if record is None:
            raise PackageNotFound(package_id=statement.package_id)
        with self._checked(record, verified, peer):
            await self._take(tx, record, statement, verified.evidence, peer)
        return record

    async def _take(
        self,
        tx: Transaction,
        record: PackageRecord,
        statement: Statement,
        evidence: Evidence,
        peer: Party.ValueType,
    ) -> None:
        row = evidence_row(statement, evidence.statement, evidence.signature)
        if is_past(record, statement):
            await tx.packages.add_evidence(row)
            return
        if not await self._apply(tx, record, statement, row):
            known = (await tx.packages.evidence_by_id([row.evidence_id]))[row.evidence_id]
            if known.statement != row.statement:
                raise EvidenceInvalid(why="its evidence id belongs to another statement")
            return
        _measure(tx, sealed(record), statement, own=False)
        if statement.kind == EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REQUESTED and await self.withdraw(
            tx, record
        ):
            return
        await self._pass_on(tx, record, row, came_from=peer)

    async def withdraw(
        self,
        tx: Transaction,
        record: PackageRecord,
        *,
        actor: Actor | None = None,
        reasons: Sequence[Reason] = (),
    ) -> bool:
        """Answer a wish to withdraw here if this node can; False when it must go on towards the receiver."""
        now = self._exchange.clock()
        if record.direction == Direction.DIRECTION_INCOMING:
            await self.state(tx, record, answer_to_withdrawal(record, now))
            return True
        if record.complete and not await tx.outbox.drop(record.package_id):
            return False  # It may have arrived further on, where the answer must come from.
        withdrawn = Event(kind=EvidenceKind.EVIDENCE_KIND_WITHDRAWN, time=now, actor=actor, reasons=reasons)
        await self.state(tx, record, withdrawn)
        return True

    def announce(self, record: PackageRecord) -> None:
        """Wake whoever watches this package; to be called after the commit."""
        self._exchange.changes.announce(record.package_id, INBOX)

    def _check_peer(self, record: PackageRecord, peer: Party.ValueType) -> None:
        """Only the neighbours on the package's own route may bring evidence about it."""
        ends = {record.sender, record.receiver} - {self._exchange.party}
        if peer not in {self._exchange.routes.next_hop(party) for party in ends}:
            raise SenderMismatch(party=party_name(record.sender), peer=party_name(peer))

    async def _apply(
        self,
        tx: Transaction,
        record: PackageRecord,
        statement: Statement,
        evidence: EvidenceRecord,
        *,
        complete: bool = False,
    ) -> bool:
        return await tx.packages.add_evidence(
            evidence, change_of(record, statement, evidence, complete=complete)
        )

    async def _pass_on(
        self,
        tx: Transaction,
        record: PackageRecord,
        evidence: EvidenceRecord,
        *,
        came_from: Party.ValueType | None,
    ) -> None:
        targets = [record.sender] if travels_back(evidence.kind) else []
        if travels_forward(evidence.kind) and await self._concerns_receiver(tx, record, evidence):
            targets.append(record.receiver)
        for hop in self._hops(targets, came_from):
            await self._exchange.places.hand_on(tx, hop, Lane.LANE_EVIDENCE, record, evidence)

    def _hops(
        self, targets: Sequence[Party.ValueType], came_from: Party.ValueType | None
    ) -> list[Party.ValueType]:
        """To whom it goes from here for these parties."""
        hops = [self._exchange.routes.next_hop(one) for one in targets if one != self._exchange.party]
        return [hop for hop in hops if hop != came_from]

    async def _concerns_receiver(
        self, tx: Transaction, record: PackageRecord, evidence: EvidenceRecord
    ) -> bool:
        """Who was never offered the package need not learn that it was given up or withdrawn."""
        if (
            evidence.kind == EvidenceKind.EVIDENCE_KIND_WITHDRAWN
        ):  # What still arrives may be going on already.
            return record.direction == Direction.DIRECTION_TRANSIT and not record.complete
        if evidence.kind != EvidenceKind.EVIDENCE_KIND_FAILED:
            return True
        delivery = await tx.outbox.of_package(record.package_id)
        return delivery is not None and delivery.offered


def _measure(tx: Transaction, package: SealedPackage, statement: Statement, *, own: bool) -> None:
    """Count it when it is on record, and not otherwise."""

    def count(*, is_committed: bool) -> None:
        if is_committed:
            MEASURES.evidence(package, statement, own=own)

    tx.when_over(count)


def kind_name(kind: EvidenceKind.ValueType) -> str:
    """The kind without the enum's prefix."""
    return EvidenceKind.Name(kind).removeprefix("EVIDENCE_KIND_")


def to_evidence(record: EvidenceRecord | Proof) -> Evidence:
    """A record as it travels."""
    return Evidence(statement=record.statement, signature=Signature.FromString(record.signature))
