"""One package through three nodes: from the business system's submit to the receiver's outcome and back."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from tests.conftest import NewDatabase
from tests.integration.exchange.city import Agency, City, draft_key, manifest_for

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.draft_pb2 import Accepted, Outcome
from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong.exchange.v1.gateway_drafts_pb2 import PreflightRequest, ReceiverOutlook
from xietong_exchange.runtime.settings import LimitSettings

BOUND_SECONDS = 60.0


async def test_a_package_travels_and_its_outcome_returns(three: City) -> None:
    police = await three.agency(Party.PARTY_POLICE, "case-handling")
    procuratorate = await three.agency(Party.PARTY_PROCURATORATE, "prosecution")
    files = {"document-0.pdf": b"%PDF " + bytes(range(256)) * 4096 * 3}

    sent = await police.send("PB-01", Party.PARTY_PROCURATORATE, files=files)
    got = await procuratorate.arrived(sent.package_id)

    assert got.envelope.envelope == sent.envelope.envelope
    passed = [Statement.FromString(piece.statement) for piece in got.evidence]
    assert [(one.kind, one.stated_by) for one in passed] == [
        (EvidenceKind.EVIDENCE_KIND_RELAYED, Party.PARTY_HUB),
        (EvidenceKind.EVIDENCE_KIND_DELIVERED, Party.PARTY_PROCURATORATE),
    ]
    envelope = Envelope.FromString(got.envelope.envelope)
    manifest = Manifest.FromString(await procuratorate.read(sent.package_id, 0))
    assert manifest.process_code == "PB-01"
    for part in manifest.parts:
        content = await procuratorate.read(sent.package_id, part.number)
        assert content == files.get(part.name, content)
        assert len(content) == envelope.parts[part.number].size_bytes
    accepted = Outcome(accepted=Accepted(receiver_case_number="示检受〔2026〕1号"))
    await procuratorate.report(sent.package_id, accepted)
    done = await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_ACCEPTED)

    assert done.receiver_case_number == "示检受〔2026〕1号"
    statements = [Statement.FromString(piece.statement) for piece in done.evidence]
    stages = {EvidenceKind.Name(s.kind): [closed.stage for closed in s.stages] for s in statements}
    assert len(statements) == len(stages)
    assert stages == {
        "EVIDENCE_KIND_SUBMITTED": ["intake"],
        "EVIDENCE_KIND_RELAYED": ["queue", "transfer", "commit"],
        "EVIDENCE_KIND_DELIVERED": ["queue", "transfer", "commit"],
        "EVIDENCE_KIND_RETRIEVED": ["handover"],
        "EVIDENCE_KIND_ACCEPTED": ["outcome"],
    }
    begun = min(s.event_time.ToDatetime() for s in statements) - timedelta(minutes=1)
    for closed in (closed for s in statements for closed in s.stages):
        assert begun < closed.start_time.ToDatetime() <= closed.end_time.ToDatetime()

    await three.stop(Party.PARTY_POLICE)
    await three.start(Party.PARTY_POLICE)  # What arrived before is known after a restart too.
    await preflight_tells_when_it_will_arrive(await three.agency(Party.PARTY_POLICE, "case-handling"))


async def preflight_tells_when_it_will_arrive(police: Agency) -> None:
    key = draft_key("PB-01", "A4401990000012026039999")
    await police.contribute(key, manifest_for("PB-01", {}), {})
    await police.open(key, Party.PARTY_PROCURATORATE)

    async def outlook() -> ReceiverOutlook:
        *_, last = [one async for one in police.gateway.Preflight(PreflightRequest(key=key))]
        return last.summary.receivers[0]

    async with asyncio.timeout(BOUND_SECONDS):
        while not (seen := await outlook()).HasField("limits"):
            await asyncio.sleep(0.05)
    assert seen.limits.max_parts > 0
    assert list(seen.standard_editions)
    assert (seen.expected_arrival.observed_packages, seen.expected_arrival.same_receiver) == (1, True)
    assert 0 < seen.expected_arrival.duration.ToMilliseconds() < BOUND_SECONDS * 1000


async def test_the_smallest_limits_slow_a_package_and_stop_none(
    tmp_path: Path, pki_folder: Path, new_database: NewDatabase
) -> None:
    parties = [Party.PARTY_HUB, Party.PARTY_POLICE, Party.PARTY_PROCURATORATE]
    smallest = LimitSettings(
        reserve_bytes=0,
        max_chunk_bytes=1 << 14,
        credit_window_bytes=1 << 20,
        inline_limit_bytes=0,
        max_transfers_per_stream=1,
    )
    urls = {party: await new_database() for party in parties}
    async with City(tmp_path, pki_folder, urls, parties, smallest) as city:
        police = await city.agency(Party.PARTY_POLICE, "case-handling")
        police.chunk_bytes = smallest.max_chunk_bytes
        procuratorate = await city.agency(Party.PARTY_PROCURATORATE, "prosecution")
        files = {"document-0.pdf": b"%PDF " + bytes(range(256)) * 4096 * 2}
        sent = await police.send("PB-01", Party.PARTY_PROCURATORATE, files=files)
        await procuratorate.arrived(sent.package_id)
        manifest = Manifest.FromString(await procuratorate.read(sent.package_id, 0))
        [number] = [part.number for part in manifest.parts if part.name in files]
        assert await procuratorate.read(sent.package_id, number) == files["document-0.pdf"]
