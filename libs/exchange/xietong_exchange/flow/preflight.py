"""Pre-flight: the whole verdict on a draft before anything leaves, its contents and the nodes on its way included.

A draft is read once into a sheet; pre-flight and submit judge the same sheet in the same way. Merging and validating
a large manifest takes longer than the event loop may be held up, so it is done in a thread.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.capabilities_pb2 import Capabilities
from xietong.exchange.v1.draft_pb2 import DraftHeader, DraftKey, DraftState
from xietong.exchange.v1.envelope_pb2 import Address
from xietong_exchange.domain.errors import DraftNotFound, StateConflict
from xietong_exchange.domain.limits import MANIFEST, PACKAGE, PARTS, Extent, excesses
from xietong_exchange.domain.party import party_name, party_title
from xietong_exchange.flow.case_history import CaseHistory, known_case_id
from xietong_exchange.flow.drafts import key_text
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.neighbours import Neighbours
from xietong_exchange.flow.part_store import PartKey
from xietong_exchange.flow.records import ContributionRecord, DraftRecord
from xietong_exchange.flow.sealing import merge, name_persons
from xietong_exchange.flow.store import Transaction
from xietong_exchange.flow.work import worked
from xietong_standard import Finding, Rule, Severity, Text, Verdict
from xietong_standard.clocks.terms import day_of

_BASIS = "xietong.exchange.v1 Capabilities"
_TOO_LARGE = Text(
    "{what}为 {value}，超出{node}节点的上限 {limit} 达 {excess}",
    "{what} is {value}, {excess} above the limit of {limit} of the node of {node}",
)
_SPLIT = Text(
    "请拆分数据包，或联系该节点运维调整上限",
    "split the package or ask that node's operators for a higher limit",
)
LIMIT_RULES = {
    what: Rule(code, Severity.ERROR, _TOO_LARGE, _SPLIT, _BASIS)
    for code, what in (("XT-LIM-01", PARTS), ("XT-LIM-02", MANIFEST), ("XT-LIM-03", PACKAGE))
}
EDITION_RULE = Rule(
    "XT-LIM-04",
    Severity.ERROR,
    Text("{node}的节点不支持数据标准 {edition}", "the node of {node} does not read edition {edition}"),
    Text("请改用其支持的版本：{known}", "use one that it reads: {known}"),
    _BASIS,
)
CONTENT_RULE = Rule(
    "XT-CNT-01",
    Severity.ERROR,
    Text(
        "文件 {name} 的内容尚未上传完整：已收到 {received}/{size} 字节",
        "the content of file {name} was not uploaded yet: {received} of {size} bytes are here",
    ),
    Text("请上传其余内容（UploadPart）", "upload the rest (UploadPart)"),
    "xietong.exchange.v1 GatewayService.Submit",
)


@dataclass(frozen=True, slots=True)
class Reading:
    """A draft that was opened, as it is in the store, and its case."""

    draft: DraftRecord
    header: DraftHeader
    contributions: list[ContributionRecord]
    collaboration_case_id: str
    history: CaseHistory

    @property
    def size_bytes(self) -> int:
        """About how large its manifest is."""
        return sum(len(contribution.fragment) for contribution in self.contributions)


@dataclass(frozen=True, slots=True)
class Sheet:
    """A draft as it was read, with what is derived from it: its manifest names all accused persons."""

    reading: Reading
    manifest: Manifest
    sender: Address

    @property
    def draft(self) -> DraftRecord:
        """The draft itself."""
        return self.reading.draft

    @property
    def header(self) -> DraftHeader:
        """To whom it goes, and how."""
        return self.reading.header

    @property
    def file_bytes(self) -> int:
        """Sum of the sizes of its files."""
        return sum(part.size_bytes for part in self.manifest.parts)


class Preflight:
    """Reads drafts and judges them as they are."""

    def __init__(self, exchange: Exchange, neighbours: Neighbours) -> None:
        self._exchange = exchange
        self._neighbours = neighbours

    async def read(self, key: DraftKey, system: str, *, with_history: bool) -> Sheet:
        """The open draft, otherwise the latest submitted one, with its manifest merged.

        with_history: see `take`.

        Raises:
            DraftNotFound, StateConflict, EditionNotSupported.
        """
        async with self._exchange.store.transaction() as tx:
            draft = await tx.drafts.get(key)
            if draft is None:
                raise DraftNotFound(key=key_text(key))
            reading = await self.take(tx, draft, with_history=with_history)
        return await self.sheet(reading, system)

    async def take(self, tx: Transaction, draft: DraftRecord, *, with_history: bool) -> Reading:
        """Read what belongs to a draft. A case that this node doesn't know yet gets its id here.

        with_history: what it takes to tell whether the draft makes sense now, which only ever warns. Of a draft that
            was sent it is left out, as that package has become part of it.

        Raises:
            StateConflict: the draft was not opened.
        """
        if not draft.header:
            raise StateConflict(what=key_text(draft.key), state="not opened (OpenDraft)")
        header = DraftHeader.FromString(draft.header)
        contributions = await tx.drafts.contributions(draft.draft_id)
        case_id = await known_case_id(tx, self._exchange.party, draft.key.case_number, header)
        history = CaseHistory()
        if with_history and case_id and draft.state == DraftState.DRAFT_STATE_OPEN:
            history = await CaseHistory.read(tx, case_id)
        return Reading(draft, header, contributions, case_id or self._new_case_id(), history)

    def _new_case_id(self) -> str:
        return str(uuid.UUID(bytes=self._exchange.entropy(16), version=4))

    async def sheet(self, reading: Reading, system: str) -> Sheet:
        """A draft with its manifest merged. Raises EditionNotSupported."""
        header, key = reading.header, reading.draft.key
        readers = [set(node.standard_editions) for node in self._nodes(header) if node.standard_editions]
        edition = self._exchange.rules.choose(
            header.standard_edition, readers, day_of(self._exchange.clock())
        ).id
        sender = Address(party=self._exchange.party, organ_code=key.organ_code, system=system)
        manifest = await worked(reading.size_bytes, _manifest, reading, edition, sender)
        return Sheet(reading, manifest, sender)

    async def missing(self, sheet: Sheet) -> dict[str, Finding]:
        """By name, the files of which some bytes are still missing."""
        owner, files = party_name(self._exchange.party), sheet.manifest.parts
        keys = [(PartKey(owner, bytes.fromhex(file.sha256)), file.size_bytes) for file in files]
        states = await self._exchange.parts.states(keys)
        return {
            file.name: CONTENT_RULE.at(
                f"parts[{index}]", name=file.name, received=state.received, size=file.size_bytes
            )
            for index, (file, state) in enumerate(zip(files, states, strict=True))
            if not state.complete
        }

    async def verdict(self, sheet: Sheet) -> Verdict:
        """One verdict for all receivers: what they have in common once, what concerns one of them too."""
        nodes = self._nodes(sheet.header)
        findings = await worked(sheet.reading.size_bytes, self._judge, sheet, nodes)
        return Verdict(sheet.manifest.process_code, sheet.manifest.standard_edition, findings)

    def _judge(self, sheet: Sheet, nodes: Sequence[Capabilities]) -> tuple[Finding, ...]:
        rules, edition = self._exchange.rules, sheet.manifest.standard_edition
        findings: dict[Finding, None] = {}
        named = [found for one in sheet.manifest.persons if (found := one.collaboration_person_id)]
        lifecycle, now = rules.edition(edition).lifecycle, self._exchange.clock()
        positions = sheet.reading.history.positions(lifecycle, named, now)
        for receiver in sheet.header.receivers:
            verdict = rules.judge(sheet.manifest, edition, sheet.sender, receiver, positions)
            findings.update(dict.fromkeys(verdict.findings))
        extent = _extent(sheet)
        for node in nodes:
            findings.update(dict.fromkeys(_beyond(node, extent, edition)))
        return tuple(findings)

    def _nodes(self, header: DraftHeader) -> list[Capabilities]:
        """What is known, without asking, of the nodes on the way to the receivers; each of them once."""
        routes, known = self._exchange.routes, {}
        for receiver in header.receivers:
            hop = routes.next_hop(receiver.party)
            contact = self._neighbours.contact(hop)
            for party in (hop, receiver.party):
                if (capabilities := contact.capabilities_of(party)) is not None:
                    known[party] = capabilities
        return list(known.values())


def _manifest(reading: Reading, edition: str, sender: Address) -> Manifest:
    manifest = merge(reading.contributions, reading.draft.key.process_code, edition)
    name_persons(manifest, reading.collaboration_case_id, sender.party)
    return manifest


def _extent(sheet: Sheet) -> Extent:
    """How large the package will be."""
    manifest_bytes = sheet.manifest.ByteSize()
    return Extent(len(sheet.manifest.parts) + 1, manifest_bytes, manifest_bytes + sheet.file_bytes)


def _beyond(node: Capabilities, extent: Extent, edition: str) -> Iterator[Finding]:
    """What this node would refuse."""
    title = party_title(node.party)
    for excess in excesses(extent, node.limits):
        yield LIMIT_RULES[excess.what].at(
            "" if excess.what is MANIFEST else "parts",
            what=excess.what,
            value=excess.value,
            limit=excess.limit,
            excess=excess.value - excess.limit,
            node=title,
        )
    if node.standard_editions and edition not in node.standard_editions:
        known = ", ".join(node.standard_editions)
        yield EDITION_RULE.at("standard_edition", node=title, edition=edition, known=known)
