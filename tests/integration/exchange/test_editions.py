"""Two editions in use side by side: a change goes its whole way over five services, while one party stays behind."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import grpc
import pytest
from sqlalchemy import make_url
from tests.conftest import NewDatabase
from tests.integration.exchange.city import Agency, City, draft_key, manifest_for
from tests.integration.exchange.refusals import refusal

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.draft_pb2 import Finding
from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong.exchange.v1.gateway_drafts_pb2 import PreflightRequest, PreflightSummary
from xietong.exchange.v1.gateway_service_pb2 import GetNodeRequest
from xietong.supervision.v1.standard_change_pb2 import (
    StandardChangeDraft,
    StandardChangeState,
    StandardDecision,
    StandardNotice,
    StandardReadiness,
    StandardReadinessLevel,
    StandardScope,
)
from xietong_client import Credentials, Operations, Refused, StandardChanges, open_standard_changes
from xietong_exchange.domain.party import party_name
from xietong_exchange.runtime.settings import Settings, StandardSettings
from xietong_standard import EDITIONS_FOLDER

HUB, POLICE, COURT = Party.PARTY_HUB, Party.PARTY_POLICE, Party.PARTY_COURT
PROCURATORATE, JUSTICE = Party.PARTY_PROCURATORATE, Party.PARTY_JUSTICE
OLD, NEW = "2026.1", "2026.2"
BOUND_SECONDS = 120.0
NEW_FIELD = (
    '  - {path: "persons[roles=SUSPECT].workplace", zh: 犯罪嫌疑人工作单位, en: workplace of the suspect}\n'
)
BEFORE = '  - {path: "charges[stage=ARREST_REQUEST].offence.name"'


@dataclass
class ChangingCity(City):
    """A city whose nodes read the editions that they have by now."""

    editions: dict[Party.ValueType, StandardSettings] = field(default_factory=dict)

    def settings(self, party: Party.ValueType) -> Settings:
        standard = self.editions.get(party, StandardSettings(editions=[OLD]))
        return super().settings(party).model_copy(update={"standard": standard})

    async def tries(self, party: Party.ValueType, folder: Path) -> None:
        """The new edition is there, and the node does not read it yet."""
        await self.stop(party)
        self.editions[party] = StandardSettings(editions=[OLD], folder=folder)
        await self.start(party)

    async def upgrade(self, party: Party.ValueType, folder: Path) -> None:
        """The node reads both editions after a restart."""
        await self.stop(party)
        self.editions[party] = StandardSettings(editions=[OLD, NEW], folder=folder)
        await self.start(party)

    @asynccontextmanager
    async def task_force(self, party: Party.ValueType) -> AsyncIterator[StandardChanges]:
        """The hub's books, as this party's operator opens them."""
        credentials = Credentials.from_folder(self.pki_folder / party_name(party), operator=True)
        async with open_standard_changes(f"127.0.0.1:{self.ports[HUB]}", credentials) as changes:
            yield changes


def new_edition(root: Path) -> Path:
    """A folder with edition 2026.2, in which a request for arrest tells where the suspect works."""
    edition = root / NEW
    shutil.copytree(EDITIONS_FOLDER / OLD, edition)
    head, process = edition / "edition.yaml", edition / "processes" / "pb.yaml"
    head.write_text(
        head.read_text().replace(f'id: "{OLD}"', f'id: "{NEW}"').replace('"2026-11-01"', '"2026-11-15"')
    )
    assert BEFORE in process.read_text()
    process.write_text(process.read_text().replace(BEFORE, NEW_FIELD + BEFORE, 1))
    return root


async def verdict(agency: Agency, case_number: str) -> tuple[list[Finding], PreflightSummary]:
    pieces = [
        piece
        async for piece in agency.gateway.Preflight(PreflightRequest(key=draft_key("PB-01", case_number)))
    ]
    return [piece.finding for piece in pieces[:-1]], pieces[-1].summary


async def reads(agency: Agency, edition: str, case_number: str) -> None:
    """Wait until the sender knows that everybody on the way reads this edition."""
    while (await verdict(agency, case_number))[1].standard_edition != edition:
        await asyncio.sleep(0.2)  # between two looks at what no event tells


def edition_of(envelope: bytes) -> str:
    return Envelope.FromString(envelope).standard_edition


async def decided(city: ChangingCity, notice: StandardNotice) -> str:
    """The change up to its notice; returns its id."""
    draft = StandardChangeDraft(
        title="提请批准逮捕增加犯罪嫌疑人工作单位",
        reason="审查逮捕需要",
        scope=StandardScope.STANDARD_SCOPE_ACROSS_UNITS,
        parties=[POLICE, PROCURATORATE, COURT],
        contact_point="法制支队业务接口人",
        process_codes=["PB-01"],
    )
    async with city.task_force(POLICE) as changes:
        change_id = (await changes.request(draft)).change_id
    async with city.task_force(HUB) as changes:
        await changes.decide(change_id, StandardDecision(approved=True, reason="同意"))
        await changes.publish(change_id, notice)
    return change_id


async def ready(city: ChangingCity, party: Party.ValueType, change_id: str) -> None:
    said = StandardReadiness(
        system="exchange",
        vendor="示例厂商",
        level=StandardReadinessLevel.STANDARD_READINESS_LEVEL_READY,
    )
    async with city.task_force(party) as changes:
        await changes.report(change_id, said)


@pytest.fixture
async def five(tmp_path: Path, pki_folder: Path, new_database: NewDatabase) -> AsyncIterator[ChangingCity]:
    parties = [HUB, POLICE, PROCURATORATE, COURT, JUSTICE]
    urls = {party: await new_database() for party in parties}
    async with ChangingCity(tmp_path, pki_folder, urls, parties) as city:
        yield city


async def test_a_new_field_goes_its_way_while_one_party_stays_behind(
    five: ChangingCity, tmp_path: Path
) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        folder = new_edition(tmp_path / "editions")
        police = await five.agency(POLICE, "case-handling")
        before = await police.send("PB-01", PROCURATORATE, case_number="A1")
        assert edition_of(before.envelope.envelope) == OLD

        await five.tries(POLICE, folder)
        await a_rehearsal_tells_what_would_fail(five, before.package_id)

        notice = StandardNotice(
            number="数标〔2026〕1号", edition=NEW, replaced_edition=OLD, effective_date="2026-11-15"
        )
        change_id = await decided(five, notice)
        for party in (HUB, PROCURATORATE, POLICE):
            await five.upgrade(party, folder)
        for party in (PROCURATORATE, POLICE):
            await ready(five, party, change_id)
        async with five.task_force(HUB) as changes:
            with pytest.raises(Refused, match="court"):
                await changes.put_in_force(change_id)
            begun = await changes.put_in_force(change_id, [COURT])
        assert begun.state == StandardChangeState.STANDARD_CHANGE_STATE_IN_FORCE

        await the_new_field_is_asked_for_and_arrives(five)
        await who_stayed_behind_gets_the_older_edition(five)

        await five.upgrade(COURT, folder)
        await ready(five, COURT, change_id)
        async with five.task_force(HUB) as changes:
            await changes.put_in_force(change_id)
            ended = await changes.retire(change_id)
        assert ended.state == StandardChangeState.STANDARD_CHANGE_STATE_RETIRED


async def a_rehearsal_tells_what_would_fail(city: ChangingCity, failing: str) -> None:
    """Of three packages one would fail, one would pass, and one is no longer kept."""
    police = await city.agency(POLICE, "case-handling")
    await police.send("QS-01", PROCURATORATE, case_number="A3")
    gone = await police.send("PB-01", PROCURATORATE, case_number="A4")
    url = make_url(city.urls[POLICE]).set(drivername="postgresql")
    database = await asyncpg.connect(url.render_as_string(hide_password=False))
    try:
        await database.execute(
            "UPDATE package SET contents_removed_time = now() WHERE package_id = $1", gone.package_id
        )
    finally:
        await database.close()

    credentials = Credentials.from_folder(city.pki_folder / "police", operator=True)
    target = f"127.0.0.1:{city.ports[POLICE]}"
    async with Operations.connect(target, credentials) as operations:
        *packages, last = [answer async for answer in operations.rehearse(NEW)]
        assert [one.package.package_id for one in packages] == [failing]
        findings = packages[0].package.findings
        assert {"workplace" in finding.path for finding in findings} == {True}
        assert "工作单位" in findings[0].text_zh
        summary = last.summary
        assert (summary.checked_count, summary.failing_count, summary.unchecked_count) == (2, 1, 1)
        by_process = {one.process_code: one for one in summary.processes}
        assert (by_process["PB-01"].failing_count, by_process["PB-01"].unchecked_count) == (1, 1)
        assert by_process["QS-01"].failing_count == 0
        assert [one.failing_count for one in summary.rules] == [1]
        with pytest.raises(Refused, match=r"2031\.1"):
            async for _ in operations.rehearse("2031.1"):
                pass
        assert (await police.gateway.GetNode(GetNodeRequest())).capabilities.standard_editions == [OLD]


async def the_new_field_is_asked_for_and_arrives(city: ChangingCity) -> None:
    police = await city.agency(POLICE, "case-handling")
    procuratorate = await city.agency(PROCURATORATE, "prosecution")
    key, manifest = draft_key("PB-01", "A2"), manifest_for("PB-01", {})
    for person in manifest.persons:
        person.workplace = ""
    await police.contribute(key, manifest, {})
    await police.open(key, PROCURATORATE)
    await reads(police, NEW, "A2")
    missing = [one.path for one in (await verdict(police, "A2"))[0] if "workplace" in one.path]
    assert missing
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await police.submit(key)
    assert refused.value.code() == grpc.StatusCode.FAILED_PRECONDITION

    for person in manifest.persons:
        person.workplace = "𠮷祥机械厂"
    await police.contribute(key, manifest, {})
    sent = (await police.submit(key)).packages[0]
    assert edition_of(sent.envelope.envelope) == NEW
    got = await procuratorate.arrived(sent.package_id)
    read = Manifest.FromString(await procuratorate.read(got.package_id, 0))
    assert {person.workplace for person in read.persons} == {"𠮷祥机械厂"}


async def who_stayed_behind_gets_the_older_edition(city: ChangingCity) -> None:
    procuratorate = await city.agency(PROCURATORATE, "prosecution")
    court = await city.agency(COURT, "trial")
    sent = await procuratorate.send("SP-01", COURT, case_number="示检刑诉〔2026〕1号")
    assert edition_of(sent.envelope.envelope) == OLD
    await court.arrived(sent.package_id)
    key = draft_key("SP-01", "示检刑诉〔2026〕2号")
    await procuratorate.contribute(key, manifest_for("SP-01", {}), {})
    await procuratorate.open(key, COURT, standard_edition=NEW)
    told = await refusal(procuratorate.submit(key))
    assert told.reason == "PREFLIGHT_FAILED"
    assert "court" in told.fields["standard_edition"]
