"""No disk, no database, no port, certificates of somebody else: what the node says, and that it goes on afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url
from tests.conftest import PostgresServer
from tests.integration.exchange.city import ACTOR, City, content_of, digest, draft_key, manifest_for
from tests.integration.exchange.hostile_neighbour import MIB, Forged, hostile_node
from tests.integration.exchange.refusals import Refused, read_reason, read_status, refusal
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    PROCESS,
    CityUnderAttack,
    case_number,
    nothing_changes,
)

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.draft_pb2 import Contribution
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.gateway_drafts_pb2 import (
    ContributeRequest,
    GetDraftRequest,
    UploadHeader,
    UploadPartRequest,
)
from xietong.exchange.v1.gateway_packages_pb2 import ListPackagesRequest, WatchInboxRequest
from xietong.exchange.v1.operations_service_pb2 import ListDeliveriesRequest, ReplayDeliveryRequest
from xietong.exchange.v1.operations_service_pb2_grpc import OperationsServiceStub
from xietong_client.pki import DevelopmentCA, Identity, Role
from xietong_exchange.adapters.rpc.server import PortTaken
from xietong_exchange.runtime.command import _check_files
from xietong_exchange.runtime.node import Node
from xietong_exchange.runtime.settings import LimitSettings, SettingsError
from xietong_police import PROFILE as POLICE

pytestmark = pytest.mark.asyncio(loop_scope="session")

NO_PLACE = LimitSettings(reserve_bytes=1 << 60)
"""A disk that is full at all times."""


async def test_a_full_disk_takes_nothing_new_at_the_sender(steadfast: CityUnderAttack) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    key = draft_key(PROCESS, case_number())
    await police.contribute(key, manifest_for(PROCESS, {}), {})
    await police.open(key, Party.PARTY_PROCURATORATE)
    content = b"a document that finds no place"
    header = UploadHeader(key=key, size_bytes=len(content), digest=digest(content))
    async with steadfast.changed(Party.PARTY_POLICE, limits=NO_PLACE), nothing_changes(steadfast):
        upload = police.gateway.UploadPart(iter([UploadPartRequest(header=header)]), wait_for_ready=True)
        told = [await refusal(anext(aiter(upload))), await refusal(police.submit(key))]
    for refused in told:
        assert (refused.reason, refused.code) == ("STORAGE_FULL", "RESOURCE_EXHAUSTED")
        assert refused.retry_seconds
        assert int(refused.facts["free"]) > 0
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    assert (await police.submit(key)).packages


async def last_reason(city: City, package_id: str, *, other_than: str = "") -> Refused:
    """Why the sender's last try ended, once one did."""
    police = await city.agency(Party.PARTY_POLICE, "case-handling")
    async with asyncio.timeout(BOUND_SECONDS):
        while (said := (await police.get(package_id)).progress.last_reason).code in {"", other_than}:
            await asyncio.sleep(0.01)
    return read_reason(said)


async def test_a_full_disk_at_the_hub_lets_the_package_wait_with_its_sender(
    steadfast: CityUnderAttack,
) -> None:
    begun = await begun_at_the_hub(steadfast)
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    files = {"document-0.pdf": case_number().encode()}
    async with steadfast.changed(Party.PARTY_HUB, limits=NO_PLACE):
        async with nothing_changes(steadfast, Party.PARTY_HUB, Party.PARTY_PROCURATORATE):
            sent = await police.send(
                PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number(), files=files
            )
            told = await last_reason(steadfast, sent.package_id, other_than="NODE_UNREACHABLE")
            court = await hostile_node(steadfast)
            refused = read_status((await court.bring(court.forge(b"of the court"))).refusal.status)
        assert {told.reason, refused.reason} == {"STORAGE_FULL"}
        assert refused.retry_seconds
        assert (await court.bring(begun)).HasField("acceptance")  # the reserve is there to end what has begun
        seen = await police.get(sent.package_id)
        assert seen.state == package_pb2.DELIVERY_STATE_SUBMITTED
        assert seen.progress.state == package_pb2.HOP_STATE_WAITING
    await replay(steadfast, sent.package_id)
    async with asyncio.timeout(BOUND_SECONDS):
        await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)


async def begun_at_the_hub(city: CityUnderAttack) -> Forged:
    """A package of the court of which the hub has the first half."""
    court = await hostile_node(city)
    package = court.forge(b"manifest", hashlib.shake_256(case_number().encode()).digest(2 * MIB))
    async with court.talk() as talk:
        await talk.offer(package)
        await talk.chunk(1, package.contents[1][:MIB])
        await talk.until("progress")
    return package


async def replay(city: City, package_id: str) -> None:
    """The operator of the police does not wait for the next try."""
    operations = OperationsServiceStub(await city.channel(Party.PARTY_POLICE, "operator"))
    waiting = await operations.ListDeliveries(ListDeliveriesRequest(state=package_pb2.HOP_STATE_WAITING))
    mine = [one for one in waiting.deliveries if one.package_id == package_id and not one.evidence_id]
    for delivery in mine:
        await operations.ReplayDelivery(ReplayDeliveryRequest(delivery_id=delivery.delivery_id))


@asynccontextmanager
async def no_database(server: PostgresServer, city: City, *parties: Party.ValueType) -> AsyncIterator[None]:
    """The databases of these nodes take no connection and drop those that they have."""
    names = [make_url(city.urls[party]).database for party in parties]
    for name in names:
        await server.execute(
            f"ALTER DATABASE {name} ALLOW_CONNECTIONS false",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",
        )
    try:
        yield
    finally:
        await server.execute(*(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true" for name in names))


async def test_without_a_database_every_call_says_so_and_may_be_repeated(
    steadfast: CityUnderAttack, postgres_server: PostgresServer, subtests: pytest.Subtests
) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    key, fragment = draft_key(PROCESS, case_number()), manifest_for(PROCESS, {})
    content_of(fragment, {})
    contribution = Contribution(name="case-data", fragment=fragment)
    contribute = ContributeRequest(key=key, contribution=contribution, actor=ACTOR)
    async with nothing_changes(steadfast), no_database(postgres_server, steadfast, Party.PARTY_POLICE):
        calls: dict[str, Awaitable[object]] = {
            "contribute": police.gateway.Contribute(contribute),
            "open": police.open(key, Party.PARTY_PROCURATORATE),
            "draft": police.gateway.GetDraft(GetDraftRequest(key=key)),
            "submit": police.submit(key),
            "list": police.gateway.ListPackages(ListPackagesRequest()),
            "inbox": anext(aiter(police.gateway.WatchInbox(WatchInboxRequest()))),
        }
        for name, call in calls.items():
            with subtests.test(name):
                refused = await refusal(call)
                assert (refused.reason, refused.code) == ("DATABASE_UNAVAILABLE", "UNAVAILABLE")
                assert refused.retry_seconds
    assert (await police.gateway.Contribute(contribute)).draft.draft_id


async def test_a_hub_without_a_database_refuses_for_now_and_takes_it_later(
    steadfast: CityUnderAttack, postgres_server: PostgresServer
) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    court = await hostile_node(steadfast)
    package = court.forge(b"brought while the hub has no database")
    async with (
        nothing_changes(steadfast, Party.PARTY_HUB),
        no_database(postgres_server, steadfast, Party.PARTY_HUB),
    ):
        refused = read_status((await court.bring(package)).refusal.status)
        assert refused.reason == "DATABASE_UNAVAILABLE"
        sent = await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
        assert (await last_reason(steadfast, sent.package_id)).reason == "DATABASE_UNAVAILABLE"
    assert (await court.bring(package)).HasField("acceptance")
    await replay(steadfast, sent.package_id)
    async with asyncio.timeout(BOUND_SECONDS):
        await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)


async def test_a_taken_port_is_named_and_its_holder_goes_on(
    steadfast: CityUnderAttack, tmp_path: Path
) -> None:
    settings = steadfast.settings(Party.PARTY_POLICE).model_copy(update={"state_dir": tmp_path / "second"})
    with pytest.raises(PortTaken, match="stop the other process") as caught:
        await Node(POLICE, settings).start()
    assert settings.listen in str(caught.value)
    assert "端口被占用" in str(caught.value)


def wrong_files(city: City, folder: Path) -> dict[str, tuple[dict[str, Path], str]]:
    """Files that do not make a node of the police, and what the message must name."""
    own, court = city.pki_folder / "police", city.pki_folder / "court"
    ca = DevelopmentCA.load(city.pki_folder)
    expired = ca.issue(
        Identity("police", Role.EXCHANGE), folder, days=1, now=datetime(2020, 2, 29, tzinfo=UTC)
    )
    shutil.copy(own / "exchange.pem", folder / "empty.pem")
    (folder / "empty.pem").write_text("")
    return {
        "a court's certificate": (
            {"certificate": court / "exchange.pem", "key": court / "exchange-key.pem"},
            "spiffe://xietong.test/court/exchange",
        ),
        "a system's certificate": (
            {"certificate": own / "system-case-handling.pem", "key": own / "system-case-handling-key.pem"},
            "system/case-handling",
        ),
        "the key of another": ({"key": court / "exchange-key.pem"}, "is not the key of"),
        "an expired certificate": ({"certificate": expired.certificate, "key": expired.key}, "2020-03-01"),
        "no certificate": ({"certificate": folder / "empty.pem"}, "usable"),
        "a file that is not there": ({"key": folder / "missing.pem"}, "missing.pem"),
    }


async def test_a_node_does_not_start_with_the_certificate_of_another(
    steadfast: CityUnderAttack, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    settings = steadfast.settings(Party.PARTY_POLICE)
    _check_files(POLICE, settings)
    for name, (files, word) in wrong_files(steadfast, tmp_path).items():
        with subtests.test(name):
            tls = settings.tls.model_copy(update=files)
            with pytest.raises(SettingsError) as caught:
                _check_files(POLICE, settings.model_copy(update={"tls": tls}))
            assert word in str(caught.value)
            assert "xietong pki init" in str(caught.value)
            assert "请更换" in str(caught.value)
    signer = settings.signer.model_copy(update={"certificate": steadfast.pki_folder / "court" / "signer.pem"})
    with pytest.raises(SettingsError, match="is not the key of"):
        _check_files(POLICE, settings.model_copy(update={"signer": signer}))
