"""A police node in memory with one open draft, and a hub that tells what it and the nodes behind it can do."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from tests.unit.exchange.nodes import MemoryStore, new_exchange, rulebook
from tests.unit.exchange.packages import NOW
from tests.unit.standard.packages import package as valid_manifest

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.capabilities_pb2 import Capabilities
from xietong.exchange.v1.draft_pb2 import DraftHeader, DraftKey, DraftState
from xietong.exchange.v1.envelope_pb2 import Address, Classification, Party
from xietong.exchange.v1.evidence_pb2 import Actor
from xietong_exchange.domain.limits import Limits
from xietong_exchange.domain.profile import Profile, SystemProfile
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.intake import Intake
from xietong_exchange.flow.neighbours import Contact, Neighbours
from xietong_exchange.flow.part_store import PartKey
from xietong_exchange.flow.preflight import Preflight
from xietong_exchange.flow.records import ContributionRecord, DraftRecord, DraftSight
from xietong_exchange.flow.rulebook import Rulebook

SYSTEM = "case-handling"
ACTOR = Actor(organ_code="440199000001", handler_ref="警号-0001")
KEY = DraftKey(organ_code="440199000001", case_number="A4401990000012026030001", process_code="PB-04")


def capabilities(party: Party.ValueType, *editions: str, **limits: int) -> Capabilities:
    """A node with usual limits but for these, which reads these editions; none: it doesn't tell."""
    return Capabilities(party=party, standard_editions=editions, limits=Limits(**limits).to_message())


@dataclass
class Hub:
    """The only neighbour, and what it last told."""

    contact_: Contact = field(default_factory=Contact)

    def contact(self, party: Party.ValueType) -> Contact:
        assert party == Party.PARTY_HUB
        return self.contact_

    def tells(self, *beyond: Capabilities, **limits: int) -> None:
        own = capabilities(Party.PARTY_HUB, "2026.1", **limits)
        self.contact_ = Contact(reachable=True, capabilities=own, beyond=beyond)


@dataclass
class MemoryDrafts:
    """One draft and its contributions."""

    draft: DraftRecord
    contributed: list[ContributionRecord]
    requests: dict[str, str] = field(default_factory=dict)

    async def get(self, key: DraftKey, *, lock: bool = False) -> DraftRecord | None:
        return self.draft if key == self.draft.key else None

    async def by_id(self, draft_id: str) -> DraftRecord | None:
        return self.draft if draft_id == self.draft.draft_id else None

    async def latest_submitted(self, key: DraftKey) -> DraftRecord | None:
        return self.draft if self.draft.state == DraftState.DRAFT_STATE_SUBMITTED else None

    async def contributions(self, draft_id: str) -> list[ContributionRecord]:
        return self.contributed

    async def sight(self, key: DraftKey, request_id: str) -> DraftSight:
        requested = self.draft if request_id in self.requests else None
        return DraftSight(requested, await self.get(key), await self.latest_submitted(key))

    async def submit(self, draft: DraftRecord, request_id: str) -> str | None:
        if draft.version != self.draft.version or self.draft.state != DraftState.DRAFT_STATE_OPEN:
            return None
        await self.set_state(draft.draft_id, DraftState.DRAFT_STATE_SUBMITTED)
        return await self.remember_request(request_id, draft.draft_id)

    async def remember_request(self, request_id: str, draft_id: str) -> str:
        return self.requests.setdefault(request_id, draft_id)

    async def hold(self, draft_id: str, digests: Collection[bytes]) -> None:
        """Nothing here discards a draft."""

    async def set_state(self, draft_id: str, state: DraftState.ValueType) -> None:
        self.draft = replace(self.draft, state=state)


@dataclass
class DraftStore(MemoryStore):
    """A store that has drafts too."""

    drafts: MemoryDrafts = field(kw_only=True)


@dataclass
class PoliceNode:
    """The node, its hub, and the draft."""

    exchange: Exchange
    store: DraftStore
    hub: Hub
    intake: Intake

    async def upload(self, *contents: bytes) -> None:
        for content in contents:
            key = PartKey("police", hashlib.sha256(content).digest())
            async with await self.exchange.parts.write(key, len(content)) as writer:
                await writer.append(content)
                await writer.finish()


def content_of(name: str) -> bytes:
    """The content of a file of `manifest`."""
    return f"内容 of {name}".encode()


def manifest() -> Manifest:
    """A complete manifest of the process of KEY."""
    whole = valid_manifest(rulebook().edition("2026.1").process(KEY.process_code))
    for part in whole.parts:
        content = content_of(part.name)
        part.size_bytes, part.sha256 = len(content), hashlib.sha256(content).hexdigest()
    return whole


def police_node(
    *fragments: Manifest,
    receivers: Sequence[Party.ValueType] = (Party.PARTY_PROCURATORATE,),
    rules: Rulebook | None = None,
) -> PoliceNode:
    """A node whose draft has these fragments."""
    header = DraftHeader(
        receivers=[Address(party=party) for party in receivers],
        classification=Classification.CLASSIFICATION_UNCLASSIFIED,
    )
    draft = DraftRecord(
        draft_id=str(uuid.UUID(int=1, version=4)),
        key=KEY,
        header=header.SerializeToString(),
        state=DraftState.DRAFT_STATE_OPEN,
        create_time=NOW,
    )
    contributed = [
        ContributionRecord(system=SYSTEM, name=f"data-{number}", fragment=fragment.SerializeToString())
        for number, fragment in enumerate(fragments)
    ]
    store = DraftStore(drafts=MemoryDrafts(draft, contributed))
    profile = Profile(
        party=Party.PARTY_POLICE,
        title_zh="测试节点",
        title_en="Test node",
        systems={SYSTEM: SystemProfile(frozenset({"contribute", "submit"}))},
    )
    exchange = replace(new_exchange(Party.PARTY_POLICE, store), profile=profile, rules=rules or rulebook())
    hub = Hub()
    preflight = Preflight(exchange, cast("Neighbours", hub))
    return PoliceNode(exchange, store, hub, Intake(exchange, EvidenceDesk(exchange), preflight))
