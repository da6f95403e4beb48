"""Intake: pre-flight and submit. From a submit's answer on, the exchange is responsible for the package."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from xietong.exchange.v1.draft_pb2 import DraftKey, DraftState
from xietong.exchange.v1.envelope_pb2 import Envelope, SignedEnvelope, TraceContext
from xietong.exchange.v1.evidence_pb2 import Actor, EvidenceKind
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.domain.delivery import FINAL
from xietong_exchange.domain.envelope import SealedPackage, open_envelope
from xietong_exchange.domain.errors import (
    DraftNotFound,
    PartIncomplete,
    PreflightFailed,
    RequestConflict,
    StateConflict,
    Violation,
)
from xietong_exchange.domain.evidence import Event, stage
from xietong_exchange.flow.drafts import key_text
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange, part_key
from xietong_exchange.flow.preflight import Preflight, Sheet
from xietong_exchange.flow.records import DraftRecord, DraftSight, PackageRecord
from xietong_exchange.flow.sealing import Sealing
from xietong_exchange.flow.store import Transaction
from xietong_exchange.flow.tracing import current_trace
from xietong_exchange.flow.work import worked
from xietong_standard import Finding as StandardFinding
from xietong_standard import Verdict


@dataclass(frozen=True, slots=True)
class Submission:
    """What came of a submit: the packages, and whether they were there already."""

    packages: list[PackageRecord]
    attached: bool


@dataclass(frozen=True, slots=True)
class _Running:
    """A send that is not finished, and the draft that repeats it or is it."""

    draft_id: str
    sent: DraftRecord
    packages: list[PackageRecord]


class Intake:
    """Checks drafts and seals them into packages."""

    def __init__(self, exchange: Exchange, desk: EvidenceDesk, preflight: Preflight) -> None:
        self._exchange = exchange
        self._desk = desk
        self._preflight = preflight

    async def preflight(self, key: DraftKey, system: str) -> tuple[Verdict, Sheet]:
        """The verdict on a draft for its receivers, and the draft as it was judged.

        Raises:
            GrantMissing, DraftNotFound, StateConflict.
        """
        self._exchange.profile.require(system, "contribute", "submit")
        try:
            sheet = await self._preflight.read(key, system, with_history=True)
        except StateConflict:
            async with self._exchange.store.transaction() as tx:
                running = await self._running(tx, key, whole=False)
                if running is None:
                    raise
                reading = await self._preflight.take(tx, running.sent, with_history=False)
            sheet = await self._preflight.sheet(reading, system)
        missing, verdict = await self._preflight.missing(sheet), await self._preflight.verdict(sheet)
        return replace(verdict, findings=(*verdict.findings, *missing.values())), sheet

    async def submit(self, key: DraftKey, system: str, request_id: str, actor: Actor) -> Submission:
        """Seal the draft into one package per receiver, or attach to those that were made of it.

        Raises:
            GrantMissing, DraftNotFound, StateConflict, PartIncomplete, PreflightFailed, PackageTooLarge,
            RequestConflict, StorageFull.
        """
        with self._exchange.right_of_way.taken():
            return await self._submit(key, system, request_id, actor)

    async def _submit(self, key: DraftKey, system: str, request_id: str, actor: Actor) -> Submission:
        self._exchange.profile.require(system, "submit")
        start = self._exchange.clock()
        async with self._exchange.store.transaction() as tx:
            sight = await tx.drafts.sight(key, request_id)
            attached = await self._attach(tx, sight, key, request_id)
        if not attached and sight.sent is not None:
            attached = await self._join(key, request_id, whole=True)
        if attached:
            return Submission(attached, attached=True)
        try:
            submission = await self._send(sight.current, key, system, request_id, actor, start)
        except (StateConflict, PartIncomplete, PreflightFailed):
            # A click between others' clicks may find a draft that is not whole, and all of which is sent already.
            if attached := await self._join(key, request_id, whole=False):
                return Submission(attached, attached=True)
            raise
        for record in submission.packages:
            self._desk.announce(record)
        return submission

    async def _send(
        self,
        draft: DraftRecord | None,
        key: DraftKey,
        system: str,
        request_id: str,
        actor: Actor,
        start: datetime,
    ) -> Submission:
        if draft is None:
            raise DraftNotFound(key=key_text(key))
        async with self._exchange.store.transaction() as tx:
            # Without history: it only ever warns, and a submit has nobody to tell.
            reading = await self._preflight.take(tx, draft, with_history=False)
        sheet = await self._preflight.sheet(reading, system)
        if sheet.draft.state != DraftState.DRAFT_STATE_OPEN:  # Another click was faster just now.
            raise StateConflict(what=key_text(key), state=DraftState.Name(sheet.draft.state))
        await self._require_complete(sheet)
        _require_verdict(await self._preflight.verdict(sheet))
        sealed = await self._seal(sheet)
        return await self._record(sheet, sealed, request_id, actor, start)

    async def _attach(
        self, tx: Transaction, sight: DraftSight, key: DraftKey, request_id: str
    ) -> list[PackageRecord]:
        """The packages that this click is about already: by its request id, or because the send is not finished."""
        draft = sight.requested or sight.current
        if draft is None:
            raise DraftNotFound(key=key_text(key))
        if draft.key != key:
            raise RequestConflict(request_id=request_id)
        if draft.state == DraftState.DRAFT_STATE_OPEN:
            return []  # What becomes of it is recorded with its packages.
        packages = await tx.packages.of_draft(draft.draft_id)
        if packages and sight.requested is None:
            if all(record.state in FINAL for record in packages):
                raise DraftNotFound(key=key_text(key))
            await tx.drafts.remember_request(request_id, draft.draft_id)
        return packages

    async def _join(self, key: DraftKey, request_id: str, *, whole: bool) -> list[PackageRecord]:
        """The packages of a send that the draft repeats, see `_running`: the second click is the first one."""
        async with self._exchange.store.transaction() as tx:
            running = await self._running(tx, key, whole=whole)
            if running is None:
                return []
            await tx.drafts.remember_request(request_id, running.sent.draft_id)
            if running.draft_id != running.sent.draft_id:
                await tx.drafts.set_state(running.draft_id, DraftState.DRAFT_STATE_DISCARDED)
        return running.packages

    async def _running(self, tx: Transaction, key: DraftKey, *, whole: bool) -> _Running | None:
        """The latest send with this key, when it is not finished and the draft with this key is or repeats it.

        whole: all of it; otherwise the draft may lack something that was sent, but has nothing else.
        """
        if await tx.drafts.latest_submitted(key) is None:
            return None
        draft = await tx.drafts.get(key, lock=True)  # Clicks at the same moment come one after the other.
        sent = await tx.drafts.latest_submitted(key)
        if draft is None or sent is None:
            return None
        packages = await tx.packages.of_draft(sent.draft_id)
        if draft.draft_id != sent.draft_id:
            if all(record.state in FINAL for record in packages):
                return None
            held, known = [set(await tx.drafts.contributions(one.draft_id)) for one in (draft, sent)]
            if draft.header not in ((sent.header,) if whole else (sent.header, b"")):
                return None
            if held != known if whole else held - known:
                return None
        return _Running(draft.draft_id, sent, packages)

    async def _require_complete(self, sheet: Sheet) -> None:
        if names := list(await self._preflight.missing(sheet)):
            others = f" (+{len(names) - 1})" if len(names) > 1 else ""
            raise PartIncomplete(what=f"file {names[0]}{others}")

    async def _seal(self, sheet: Sheet) -> list[SealedPackage]:
        """Freeze the manifest as part 0, then make and sign one envelope per receiver."""
        exchange = self._exchange
        trace = current_trace(exchange.entropy)
        content, packages = await worked(sheet.reading.size_bytes, self._make, sheet, trace)
        with exchange.space.promise(exchange.party, len(content)):
            await exchange.parts.put(part_key(packages[0], 0), content)
        return packages

    def _make(self, sheet: Sheet, trace: TraceContext) -> tuple[bytes, list[SealedPackage]]:
        """The bytes of the manifest and the packages."""
        content = sheet.manifest.SerializeToString(deterministic=True)
        sealing = Sealing(
            key=sheet.draft.key,
            header=sheet.header,
            sender=sheet.sender,
            send_id=sheet.draft.draft_id,
            collaboration_case_id=sheet.reading.collaboration_case_id,
            manifest=sheet.manifest,
            manifest_bytes=content,
            edition=self._exchange.rules.edition(sheet.manifest.standard_edition),
            create_time=self._exchange.clock(),
            trace_context=trace,
        )
        new_id = self._exchange.new_id
        return content, [self._sign(sealing.envelope(to, new_id())) for to in sheet.header.receivers]

    def _sign(self, envelope: Envelope) -> SealedPackage:
        raw = envelope.SerializeToString()
        signature = self._exchange.notary.sign("Envelope", raw)
        return open_envelope(SignedEnvelope(envelope=raw, signature=signature), self._exchange.limits)

    async def _record(
        self, sheet: Sheet, sealed: list[SealedPackage], request_id: str, actor: Actor, start: datetime
    ) -> Submission:
        async with self._exchange.store.transaction() as tx:
            bound = await tx.drafts.submit(sheet.draft, request_id)
            if bound is None:
                draft = await self._still_open(tx, sheet, request_id)
                if draft is None:
                    return Submission(await tx.packages.of_draft(sheet.draft.draft_id), attached=True)
                bound = await tx.drafts.submit(draft, request_id)
            if bound != sheet.draft.draft_id:
                raise RequestConflict(request_id=request_id)
            records = [await self._add(tx, package, sheet, actor, start) for package in sealed]
        return Submission(records, attached=False)

    async def _still_open(self, tx: Transaction, sheet: Sheet, request_id: str) -> DraftRecord | None:
        """A draft that was touched since it was read, locked, when it says the same; None when it is sent by now."""
        draft = await tx.drafts.get(sheet.draft.key, lock=True)
        if draft is None:
            raise DraftNotFound(key=key_text(sheet.draft.key))
        if await tx.drafts.remember_request(request_id, draft.draft_id) != draft.draft_id:
            raise RequestConflict(request_id=request_id)
        if draft.draft_id == sheet.draft.draft_id and draft.state == DraftState.DRAFT_STATE_SUBMITTED:
            return None
        known = sheet.reading.contributions
        if draft != sheet.draft or await tx.drafts.contributions(draft.draft_id) != known:
            raise StateConflict(what=key_text(draft.key), state="changing")
        return draft

    async def _add(
        self, tx: Transaction, package: SealedPackage, sheet: Sheet, actor: Actor, start: datetime
    ) -> PackageRecord:
        now = self._exchange.clock()
        record = new_record(
            package,
            direction=Direction.DIRECTION_OUTGOING,
            state=DeliveryState.DELIVERY_STATE_SUBMITTED,
            complete=True,
            now=now,
            draft_id=sheet.draft.draft_id,
        )
        submitted = Event(
            kind=EvidenceKind.EVIDENCE_KIND_SUBMITTED,
            time=now,
            actor=actor,
            system=sheet.sender.system,
            stages=[stage("intake", start, now)],
        )
        await self._desk.state_first(tx, record, submitted, package.lane)
        return record


def new_record(
    package: SealedPackage,
    *,
    direction: Direction.ValueType,
    state: DeliveryState.ValueType,
    complete: bool,
    now: datetime,
    draft_id: str = "",
) -> PackageRecord:
    """What the store keeps of a sealed package."""
    envelope = package.envelope
    return PackageRecord(
        package_id=package.package_id,
        seal=package.seal,
        envelope=package.raw,
        signature=package.signature.SerializeToString(),
        direction=direction,
        state=state,
        state_time=now,
        complete=complete,
        size_bytes=package.size_bytes,
        process_code=envelope.process_code,
        sender=envelope.sender.party,
        receiver=envelope.receiver.party,
        collaboration_case_id=envelope.collaboration_case_id,
        correlation_id=envelope.correlation_id,
        corrects_package_id=envelope.corrects_package_id,
        draft_id=draft_id,
        case_numbers=tuple((entry.party, entry.number) for entry in envelope.case_numbers),
        contents=package.digests,
        create_time=now,
        submit_time=envelope.create_time.ToDatetime(tzinfo=UTC),
        trace_id=package.trace_id,
    )


def _require_verdict(verdict: Verdict) -> None:
    if not verdict.ok:
        raise PreflightFailed(count=len(verdict.errors), violations=tuple(map(_violation, verdict.errors)))


def _violation(finding: StandardFinding) -> Violation:
    return Violation(
        path=finding.path,
        rule=finding.rule,
        text_en=f"{finding.en}; {finding.remedy_en}",
        text_zh=f"{finding.zh}；{finding.remedy_zh}",
    )
