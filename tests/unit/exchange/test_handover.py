"""Handover: who still reads what, what a read costs, and which stages the receiver's statements close."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from tests.unit.exchange.nodes import LONG_SECONDS, MemoryStore, new_exchange, until
from tests.unit.exchange.packages import NOW, PACKAGE_ID, new_envelope, sealed_package

from xietong.casefile.v1.manifest_pb2 import Manifest, PartKind
from xietong.exchange.v1.draft_pb2 import Accepted, Outcome, Parsed, Rejected, Returned
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import Actor, EvidenceKind, Statement
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.domain.errors import GrantMissing, StateConflict
from xietong_exchange.domain.evidence import Event
from xietong_exchange.domain.profile import Profile, SystemProfile
from xietong_exchange.flow import handover, right_of_way
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.handover import Caller, Handover
from xietong_exchange.flow.intake import new_record
from xietong_exchange.flow.part_store import PartKey
from xietong_exchange.testing.memory_parts import MemoryPartStore

DOSSIER, VIDEO = PartKind.PART_KIND_DOSSIER, PartKind.PART_KIND_VIDEO
ARCHIVE, DESK = Caller("evidence-archive"), Caller("prosecution")
ACTOR = Actor(organ_code="440199000001", handler_ref="0001")
PROFILE = Profile(
    party=Party.PARTY_PROCURATORATE,
    title_zh="测试节点",
    title_en="Test node",
    systems={
        "evidence-archive": SystemProfile(frozenset({"read"}), reads=frozenset({DOSSIER})),
        "prosecution": SystemProfile(frozenset({"read", "decide"})),
    },
)
MINUTE = timedelta(minutes=1)


class CountingParts(MemoryPartStore):
    """Counts who reads what."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[bytes] = []

    def read(
        self, key: PartKey, offset: int = 0, *, block_bytes: int = 1 << 20
    ) -> AsyncGenerator[bytes, None]:
        self.reads.append(key.digest)
        return super().read(key, offset, block_bytes=block_bytes)


@dataclass
class Scene:
    """A receiver's node with one delivered package: the manifest, two dossiers and a video."""

    exchange: Exchange
    store: MemoryStore
    parts: CountingParts
    manifest: bytes
    handover: Handover

    async def read(self, number: int, caller: Caller) -> bytes:
        blocks = self.handover.read(PACKAGE_ID, number, 0, caller)
        return b"".join([block async for block in blocks])

    def become(self, state: DeliveryState.ValueType, direction: Direction.ValueType) -> None:
        record = self.store.packages.records[PACKAGE_ID]
        self.store.packages.records[PACKAGE_ID] = replace(record, state=state, direction=direction)

    def stages(self) -> list[tuple[str, timedelta]]:
        statement = Statement.FromString(self.store.packages.stated[-1].statement)
        return [(s.stage, s.end_time.ToDatetime() - s.start_time.ToDatetime()) for s in statement.stages]


@pytest.fixture
async def scene() -> Scene:
    manifest = Manifest()
    for number, kind in ((1, DOSSIER), (2, DOSSIER), (3, VIDEO), (3, DOSSIER)):
        manifest.parts.add(number=number, kind=kind)
    contents = (manifest.SerializeToString(), b"one", b"two", b"three")
    store, parts = MemoryStore(), CountingParts()
    time = iter(range(100))
    exchange = replace(
        new_exchange(Party.PARTY_PROCURATORATE, store),
        parts=parts,
        profile=PROFILE,
        clock=lambda: NOW + next(time) * MINUTE,
    )
    package = sealed_package(new_envelope(*contents))
    for content in contents:
        async with await parts.write(PartKey("police", hashlib.sha256(content).digest()), len(content)) as w:
            await w.append(content)
            await w.finish()
    record = new_record(
        package,
        direction=Direction.DIRECTION_INCOMING,
        state=DeliveryState.DELIVERY_STATE_DELIVERED,
        complete=True,
        now=NOW,
    )
    await store.packages.add(record)
    desk = EvidenceDesk(exchange)
    await desk.state(store, record, Event(kind=EvidenceKind.EVIDENCE_KIND_DELIVERED, time=NOW))  # type: ignore[arg-type] # as much of a transaction as is needed
    return Scene(exchange, store, parts, contents[0], Handover(exchange, desk))


async def test_the_manifest_is_read_once_for_the_parts_of_a_system_that_reads_some_kinds(
    scene: Scene,
) -> None:
    assert await scene.read(1, ARCHIVE) == b"one"
    assert await scene.read(2, ARCHIVE) == b"two"
    with pytest.raises(GrantMissing):
        await scene.read(3, ARCHIVE)  # also when the sender lists it a second time, as something else
    assert scene.parts.reads.count(hashlib.sha256(scene.manifest).digest()) == 1


async def test_a_withdrawn_package_is_no_longer_the_receivers(scene: Scene) -> None:
    withdrawn = DeliveryState.DELIVERY_STATE_WITHDRAWN
    scene.become(withdrawn, Direction.DIRECTION_INCOMING)
    with pytest.raises(StateConflict, match="WITHDRAWN"):
        await scene.read(1, DESK)
    scene.become(withdrawn, Direction.DIRECTION_OUTGOING)
    assert await scene.read(1, DESK) == b"one"


@pytest.mark.parametrize("state", ["ACCEPTED", "RETURNED", "REJECTED"])
async def test_what_the_receiver_decided_it_may_look_up(scene: Scene, state: str) -> None:
    scene.become(DeliveryState.Value(f"DELIVERY_STATE_{state}"), Direction.DIRECTION_INCOMING)
    assert await scene.read(1, DESK) == b"one"


async def test_reading_the_last_part_closes_the_handover(scene: Scene) -> None:
    for number in range(4):
        assert scene.store.packages.stated[-1].kind == EvidenceKind.EVIDENCE_KIND_DELIVERED
        await scene.read(number, DESK)
    assert scene.store.packages.stated[-1].kind == EvidenceKind.EVIDENCE_KIND_RETRIEVED
    ((name, duration),) = scene.stages()
    assert (name, duration > timedelta()) == ("handover", True)
    await scene.handover.report(PACKAGE_ID, Outcome(parsed=Parsed()), DESK, ACTOR)
    assert scene.store.packages.stated[-1].kind == EvidenceKind.EVIDENCE_KIND_PARSED
    assert scene.stages() == []


@pytest.mark.parametrize(
    ("outcome", "name"),
    [
        (Outcome(parsed=Parsed()), "handover"),
        (Outcome(accepted=Accepted(receiver_case_number="1")), "outcome"),
        (Outcome(returned=Returned()), "outcome"),
        (Outcome(rejected=Rejected()), "outcome"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.WhichOneof("outcome"),
)
async def test_what_the_receiver_states_closes_a_stage_since_the_delivery(
    scene: Scene, outcome: Outcome, name: str
) -> None:
    before = scene.exchange.clock() - NOW
    await scene.handover.report(PACKAGE_ID, outcome, DESK, ACTOR)
    ((stage, duration),) = scene.stages()
    assert (stage, duration > before) == (name, True)


@pytest.mark.parametrize("limit", [0, 1000], ids=["large", "small"])
async def test_a_large_part_is_read_when_nothing_small_is_under_way(
    scene: Scene, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handover, "INTERACTIVE_LIMIT_BYTES", limit)
    monkeypatch.setattr(right_of_way, "LONGEST_PAUSE_SECONDS", 2 * LONG_SECONDS)
    turns = itertools.count()
    with scene.exchange.right_of_way.taken():
        reading = asyncio.create_task(scene.read(1, DESK))
        await until(lambda: next(turns) >= 200)
        assert reading.done() == bool(limit)
    async with asyncio.timeout(LONG_SECONDS):
        assert await reading == b"one"
