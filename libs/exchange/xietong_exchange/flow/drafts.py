"""Drafts: business systems fill them, each with its own piece, in any order, until one of them submits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xietong.casefile.v1.manifest_pb2 import Manifest, Part
from xietong.exchange.v1.draft_pb2 import (
    Contribution,
    Draft,
    DraftHeader,
    DraftKey,
    DraftPart,
    DraftState,
)
from xietong.exchange.v1.envelope_pb2 import Address, Classification
from xietong.exchange.v1.evidence_pb2 import Actor
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.domain.errors import (
    ClassifiedRefused,
    DraftNotFound,
    InvalidField,
    PackageNotFound,
    StateConflict,
    Violation,
)
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.domain.identity import Identity
from xietong_exchange.domain.limits import Extent, require_within
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.handover import Caller
from xietong_exchange.flow.part_store import PartKey
from xietong_exchange.flow.records import ContributionRecord, DraftRecord, Operation, OperationRecord
from xietong_exchange.flow.sealing import fragments, sha256_digest
from xietong_exchange.flow.store import Transaction
from xietong_exchange.flow.work import worked

_OF_ANOTHER_CASE = Violation(
    path="header.corrects_package_id",
    rule="correction.case",
    text_en="that package is of another case, organ or process; name the one that was returned",
    text_zh="该数据包属于其他案件、机构或流程；请填写被退回的那个数据包",
)


@dataclass(frozen=True, slots=True)
class DraftDesk:
    """Opens, fills, shows and discards drafts."""

    exchange: Exchange

    async def contribute(
        self, key: DraftKey, contribution: Contribution, caller: Identity, actor: Actor
    ) -> Draft:
        """Add a system's contribution, or replace it.

        Raises:
            GrantMissing, UnknownProcess, InvalidField, PartNameConflict, PackageTooLarge.
        """
        self.exchange.profile.require(caller.name, "contribute")
        self.exchange.rules.require_process("", key.process_code)
        _require_digests(contribution.fragment)
        record = ContributionRecord(
            system=caller.name, name=contribution.name, fragment=contribution.fragment.SerializeToString()
        )
        async with self.exchange.store.transaction() as tx:
            draft = await tx.drafts.open(key, self.exchange.new_id(), self.exchange.clock())
            if await tx.drafts.put_contribution(draft.draft_id, record):
                await self._log(tx, "contribute", draft, caller, actor)
            await tx.drafts.hold(draft.draft_id, _digests(contribution.fragment))
            contributions = await tx.drafts.contributions(draft.draft_id)
            size_bytes = sum(len(each.fragment) for each in contributions)
            await worked(size_bytes, self._check_whole, contributions)
        return await self._show(draft, contributions)

    async def open(self, key: DraftKey, header: DraftHeader, caller: Identity, actor: Actor) -> Draft:
        """Say what the package is to be; a correction takes over what the returned package held.

        Raises:
            GrantMissing, UnknownProcess, SenderNotAllowed, ReceiverNotAllowed, EditionNotSupported,
            ClassifiedRefused, RouteNotFound, PackageNotFound, StateConflict, InvalidField.
        """
        self._check_header(key, caller.name, header)
        raw = header.SerializeToString()
        async with self.exchange.store.transaction() as tx:
            draft = await tx.drafts.open(key, self.exchange.new_id(), self.exchange.clock())
            before = DraftHeader.FromString(draft.header).corrects_package_id
            if header.corrects_package_id != before and header.corrects_package_id:
                await self._take_over(tx, draft, header.corrects_package_id)
            if raw != draft.header:
                await tx.drafts.set_header(draft.draft_id, raw)
                await self._log(tx, "open_draft", draft, caller, actor)
            shown = await tx.drafts.by_id(draft.draft_id)
            contributions = await tx.drafts.contributions(draft.draft_id)
        return await self._show(shown or draft, contributions)

    async def get(self, key: DraftKey, caller: Caller) -> Draft:
        """The open draft, otherwise the latest submitted one. Raises GrantMissing, DraftNotFound."""
        if not caller.is_operator:
            self.exchange.profile.require(caller.system, "contribute", "submit")
        async with self.exchange.store.transaction() as tx:
            draft = await tx.drafts.get(key)
            if draft is None:
                raise DraftNotFound(key=key_text(key))
            contributions = await tx.drafts.contributions(draft.draft_id)
            packages = await tx.packages.of_draft(draft.draft_id)
        shown = await self._show(draft, contributions)
        shown.package_ids.extend(record.package_id for record in packages)
        if caller.is_operator:
            for contribution in shown.contributions:
                contribution.ClearField("fragment")  # Operators see that it is there, not what it says.
        return shown

    async def discard(self, key: DraftKey, caller: Identity, actor: Actor) -> None:
        """Discard the open draft; one that is gone stays gone. Its contents go with time, see `housekeeping`.

        Raises:
            GrantMissing.
        """
        self.exchange.profile.require(caller.name, "submit")
        async with self.exchange.store.transaction() as tx:
            draft = await tx.drafts.get(key, lock=True)
            if draft is not None and draft.state == DraftState.DRAFT_STATE_OPEN:
                await tx.drafts.set_state(draft.draft_id, DraftState.DRAFT_STATE_DISCARDED)
                await self._log(tx, "discard_draft", draft, caller, actor)

    async def _log(
        self, tx: Transaction, operation: Operation, draft: DraftRecord, caller: Identity, actor: Actor
    ) -> None:
        """Who answers for a change of a draft. A repetition, which changes nothing, is not logged."""
        done = OperationRecord(
            operation=operation,
            caller=caller.path,
            organ_code=actor.organ_code,
            handler_ref=actor.handler_ref,
            draft_id=draft.draft_id,
            time=self.exchange.clock(),
        )
        await tx.operations.append(done)

    def _check_header(self, key: DraftKey, system: str, header: DraftHeader) -> None:
        exchange = self.exchange
        exchange.profile.require(system, "submit")
        if header.classification != Classification.CLASSIFICATION_UNCLASSIFIED:
            raise ClassifiedRefused
        sender = Address(party=exchange.party, organ_code=key.organ_code, system=system)
        edition = exchange.rules.edition(header.standard_edition).id
        _require_different(header.receivers)
        for receiver in header.receivers:
            exchange.rules.require_permission(edition, key.process_code, sender, receiver)
            exchange.routes.next_hop(receiver.party)

    async def _take_over(self, tx: Transaction, draft: DraftRecord, package_id: str) -> None:
        record = await tx.packages.get(package_id)
        if record is None or record.direction != Direction.DIRECTION_OUTGOING:
            raise PackageNotFound(package_id=package_id)
        if record.state != DeliveryState.DELIVERY_STATE_RETURNED:
            state = DeliveryState.Name(record.state).removeprefix("DELIVERY_STATE_")
            raise StateConflict(what=package_id, state=state)
        returned = await tx.drafts.by_id(record.draft_id)
        if returned is not None and _case_of(returned.key) != _case_of(draft.key):
            raise InvalidField(count=1, violations=(_OF_ANOTHER_CASE,))
        corrected = {(one.system, one.name) for one in await tx.drafts.contributions(draft.draft_id)}
        for contribution in await tx.drafts.contributions(record.draft_id):
            if (contribution.system, contribution.name) not in corrected:
                await tx.drafts.put_contribution(draft.draft_id, contribution)
                await tx.drafts.hold(draft.draft_id, _digests(Manifest.FromString(contribution.fragment)))

    def _check_whole(self, contributions: list[ContributionRecord]) -> None:
        """What all contributions together must hold: names that differ, counts within the limits."""
        parts = [part for fragment in fragments(contributions) for part in fragment.parts]
        data = sum(len(contribution.fragment) for contribution in contributions)
        size = data + sum(part.size_bytes for part in parts)
        require_within(Extent(len(parts) + 1, data, size), self.exchange.limits)

    async def _show(self, draft: DraftRecord, contributions: list[ContributionRecord]) -> Draft:
        shown = Draft(
            key=draft.key,
            draft_id=draft.draft_id,
            state=draft.state,
            create_time=timestamp(draft.create_time),
        )
        if draft.header:
            shown.header.ParseFromString(draft.header)
        for contribution in contributions:
            added = shown.contributions.add(system=contribution.system, name=contribution.name)
            added.fragment.ParseFromString(contribution.fragment)
        files = [part for contribution in shown.contributions for part in contribution.fragment.parts]
        shown.parts.extend(await self._parts(files))
        return shown

    async def _parts(self, files: Sequence[Part]) -> list[DraftPart]:
        owner = party_name(self.exchange.party)
        keys = [(PartKey(owner, bytes.fromhex(file.sha256)), file.size_bytes) for file in files]
        return [
            DraftPart(
                name=file.name,
                size_bytes=size,
                digest=sha256_digest(key.digest),
                received_bytes=state.received,
                complete=state.complete,
            )
            for file, (key, size), state in zip(
                files, keys, await self.exchange.parts.states(keys), strict=True
            )
        ]


def _digests(fragment: Manifest) -> set[bytes]:
    return {bytes.fromhex(part.sha256) for part in fragment.parts}


def _require_digests(fragment: Manifest) -> None:
    missing = tuple(
        Violation(
            path=f"contribution.fragment.parts[{index}].sha256",
            rule="required",
            text_en="every file states its SHA-256",
            text_zh="每个文件必须给出 SHA-256 摘要",
        )
        for index, part in enumerate(fragment.parts)
        if not part.sha256
    )
    if missing:
        raise InvalidField(count=len(missing), violations=missing)


def _case_of(key: DraftKey) -> tuple[str, str, str]:
    """What a correction shares with what it corrects: a wrong id must not bring another case's contents in."""
    return key.organ_code, key.case_number, key.process_code


def _require_different(receivers: Sequence[Address]) -> None:
    """Two packages to the same address would be the same case sent twice."""
    repeated = tuple(
        Violation(
            path=f"header.receivers[{index}]",
            rule="repeated.unique",
            text_en="this receiver is named before; name each once",
            text_zh="接收单位重复；每个接收单位只填一次",
        )
        for index, receiver in enumerate(receivers)
        if receiver in receivers[:index]
    )
    if repeated:
        raise InvalidField(count=len(repeated), violations=repeated)


def key_text(key: DraftKey) -> str:
    """A draft's key in one line for people. The case number names no person."""
    return "/".join(filter(None, (key.organ_code, key.case_number, key.process_code, key.label)))
