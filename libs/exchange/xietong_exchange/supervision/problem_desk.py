"""The problem desk: people report problems with a package, and their operators pass them to the other party.

A problem is the set of its notes, which are signed, idempotent, and may come in any order: its state only goes forward.
The hub keeps what passes it and hands it on; it adds nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC
from types import MappingProxyType

from google.protobuf.message import DecodeError

from xietong.exchange.v1.envelope_pb2 import Party, Signature
from xietong.exchange.v1.problem_pb2 import ProblemAct, ProblemNote, SignedProblemNote
from xietong.supervision.v1 import problem_service_pb2 as pb
from xietong_exchange.domain.errors import (
    EvidenceInvalid,
    PackageNotFound,
    ProblemNotFound,
    RequestConflict,
    SenderMismatch,
    StateConflict,
    XietongError,
)
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.domain.fields import field_violations, is_time
from xietong_exchange.domain.identity import Identity
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.problems import NoteRecord, ProblemRecord
from xietong_exchange.flow.records import PackageRecord
from xietong_exchange.flow.store import Transaction

PROBLEMS = "problems"
"""Topic of `Changes`: there may be a note to deliver."""
SUBJECT = "ProblemNote"
MOST_NOTES = 200
_OPEN, _PASSED, _CLOSED = pb.PROBLEM_STATE_OPEN, pb.PROBLEM_STATE_PASSED, pb.PROBLEM_STATE_CLOSED
_REACHED = MappingProxyType(
    {
        ProblemAct.PROBLEM_ACT_REPORTED: _OPEN,
        ProblemAct.PROBLEM_ACT_PASSED: _PASSED,
        ProblemAct.PROBLEM_ACT_COMMENTED: _OPEN,
        ProblemAct.PROBLEM_ACT_CLOSED: _CLOSED,
    }
)


@dataclass(frozen=True, slots=True)
class ProblemDesk:
    """Keeps the problems that this node knows."""

    exchange: Exchange

    async def report(self, request: pb.ReportProblemRequest, caller: Identity) -> pb.Problem:
        """A viewer has a problem with a package of this party. Raises PackageNotFound, RequestConflict."""
        note = self._note(
            request.report_id, request.report_id, ProblemAct.PROBLEM_ACT_REPORTED, request.text, caller
        )
        note.package_id, note.kind, note.part = request.package_id, request.kind, request.part
        note.reported_by = self.exchange.party
        if request.HasField("actor"):
            note.actor.CopyFrom(request.actor)
        async with self.exchange.store.transaction() as tx:
            package = await tx.packages.get(request.package_id)
            if package is None or self.exchange.party not in _sides(package):
                raise PackageNotFound(package_id=request.package_id)
            known = await tx.problems.get(request.report_id, lock=True)
            if known is not None and known.package_id != request.package_id:
                raise RequestConflict(request_id=request.report_id)
            return _view(known or await self._keep(tx, note, self._signed(note), None))

    async def add(self, request: pb.AddNoteRequest, caller: Identity) -> pb.Problem:
        """Operators pass a problem on, say something, or close it. Raises ProblemNotFound, StateConflict."""
        note = self._note(request.report_id, request.note_id, request.act, request.text, caller)
        async with self.exchange.store.transaction() as tx:
            problem = await tx.problems.get(request.report_id, lock=True)
            if problem is None:
                raise ProblemNotFound(report_id=request.report_id)
            package = await tx.packages.get(problem.package_id)
            if package is None or self.exchange.party not in _sides(package):
                raise StateConflict(what=f"problem {request.report_id}", state="only relayed here")
            if problem.state == _CLOSED:
                if await self._has(tx, request):
                    return _view(problem)
                raise StateConflict(what=f"problem {request.report_id}", state="closed")
            note.package_id, note.kind = problem.package_id, problem.kind
            note.reported_by = problem.reported_by
            hop = self.exchange.routes.next_hop(_other_side(package, self.exchange.party))
            is_passed = problem.state == _PASSED or note.act == ProblemAct.PROBLEM_ACT_PASSED
            kept = await self._keep(tx, note, self._signed(note), hop if is_passed else None)
            if is_passed and problem.state == _OPEN:
                await tx.problems.address(problem.report_id, hop)  # what was said before goes with it
        self.exchange.changes.announce(PROBLEMS)
        return _view(kept)

    async def _has(self, tx: Transaction, request: pb.AddNoteRequest) -> bool:
        notes = await tx.problems.notes(request.report_id, limit=MOST_NOTES)
        return any(one.note_id == request.note_id for one in notes)

    async def page(
        self,
        states: Collection[pb.ProblemState.ValueType],
        package_id: str,
        *,
        before: int | None,
        limit: int,
    ) -> tuple[list[pb.Problem], list[int]]:
        """A page of problems, the newest first, and where each stands in the list."""
        async with self.exchange.store.transaction() as tx:
            records = await tx.problems.page(states, package_id, before=before, limit=limit)
        return [_view(one) for one in records], [one.position for one in records]

    async def get(self, report_id: str) -> tuple[pb.Problem, list[ProblemNote]]:
        """A problem with its notes. Raises ProblemNotFound."""
        async with self.exchange.store.transaction() as tx:
            problem = await tx.problems.get(report_id)
            if problem is None:
                raise ProblemNotFound(report_id=report_id)
            notes = await tx.problems.notes(report_id, limit=MOST_NOTES)
        return _view(problem), [ProblemNote.FromString(one.content) for one in notes]

    async def take_all(
        self, notes: Sequence[SignedProblemNote], peer: Party.ValueType
    ) -> list[XietongError | None]:
        """Take a neighbour's notes: for each why it was not taken, None when it was."""
        results: list[XietongError | None] = []
        for signed in notes:
            try:
                await self._take(signed, peer)
            except XietongError as error:
                results.append(error)
            else:
                results.append(None)
        self.exchange.changes.announce(PROBLEMS)
        return results

    async def _take(self, signed: SignedProblemNote, peer: Party.ValueType) -> None:
        note = self._verified(signed)
        own, routes = self.exchange.party, self.exchange.routes
        async with self.exchange.store.transaction() as tx:
            package = await tx.packages.get(note.package_id)
            if package is None:
                raise PackageNotFound(package_id=note.package_id)
            sides = _sides(package)
            if note.stated_by == own or not {note.stated_by, note.reported_by} <= sides:
                raise EvidenceInvalid(why="the party that states it has no part in the package")
            if routes.next_hop(note.stated_by) != peer:
                raise SenderMismatch(party=party_name(note.stated_by), peer=party_name(peer))
            known = await tx.problems.get(note.report_id, lock=True)
            if known is not None and known.package_id != note.package_id:
                raise EvidenceInvalid(why="its report is about another package")
            other = _other_side(package, note.stated_by)
            await self._keep(tx, note, signed, None if own in sides else routes.next_hop(other))

    def _verified(self, signed: SignedProblemNote) -> ProblemNote:
        try:
            note = ProblemNote.FromString(signed.note)
        except DecodeError:
            raise EvidenceInvalid(why="its bytes are not a ProblemNote message") from None
        if violations := field_violations(note):
            raise EvidenceInvalid(why=f"{violations[0].path}: {violations[0].text_en}")
        if not is_time(note.note_time):
            raise EvidenceInvalid(why="it names a time outside of the years 1 to 9999")
        stated_at = note.note_time.ToDatetime(tzinfo=UTC)
        signer = self.exchange.notary.verify(SUBJECT, signed.note, signed.signature, signed_at=stated_at)
        if signer != note.stated_by:
            raise EvidenceInvalid(why="it is not signed by the party that states it")
        return note

    def _note(
        self, report_id: str, note_id: str, act: ProblemAct.ValueType, text: str, caller: Identity
    ) -> ProblemNote:
        return ProblemNote(
            note_id=note_id,
            report_id=report_id,
            act=act,
            text=text,
            stated_by=self.exchange.party,
            caller=caller.path,
            note_time=timestamp(self.exchange.clock()),
        )

    def _signed(self, note: ProblemNote) -> SignedProblemNote:
        raw = note.SerializeToString()
        return SignedProblemNote(note=raw, signature=self.exchange.notary.sign(SUBJECT, raw))

    async def _keep(
        self,
        tx: Transaction,
        note: ProblemNote,
        signed: SignedProblemNote,
        destination: Party.ValueType | None,
    ) -> ProblemRecord:
        """Record a note, and the state to which it brings its problem."""
        now = self.exchange.clock()
        row = NoteRecord(
            note_id=note.note_id,
            report_id=note.report_id,
            content=signed.note,
            signature=signed.signature.SerializeToString(),
            destination=destination,
        )
        is_new = await tx.problems.add_note(row)
        known = await tx.problems.get(note.report_id, lock=True)
        if known is not None and not is_new:
            return known
        record = ProblemRecord(
            report_id=note.report_id,
            package_id=known.package_id if known is not None else note.package_id,
            kind=known.kind if known is not None else note.kind,
            reported_by=known.reported_by if known is not None else note.reported_by,
            state=max(known.state if known is not None else _OPEN, _REACHED[note.act]),
            create_time=known.create_time if known is not None else now,
            change_time=now,
        )
        await tx.problems.put(record)
        return record


def signed_note(record: NoteRecord) -> SignedProblemNote:
    """A note as it travels."""
    return SignedProblemNote(note=record.content, signature=Signature.FromString(record.signature))


def _sides(package: PackageRecord) -> set[Party.ValueType]:
    return {package.sender, package.receiver}


def _other_side(package: PackageRecord, party: Party.ValueType) -> Party.ValueType:
    return package.receiver if party == package.sender else package.sender


def _view(record: ProblemRecord) -> pb.Problem:
    return pb.Problem(
        report_id=record.report_id,
        package_id=record.package_id,
        kind=record.kind,
        reported_by=record.reported_by,
        state=record.state,
        create_time=timestamp(record.create_time),
        change_time=timestamp(record.change_time),
    )
