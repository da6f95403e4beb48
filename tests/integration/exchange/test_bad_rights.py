"""Callers without the right: certificates that are none of ours, of another party, and systems without a grant."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from tests.integration.exchange.city import ACTOR, TRUST_DOMAIN, Agency, City, digest, draft_key
from tests.integration.exchange.refusals import Refused, read_reason, refusal
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    PROCESS,
    CityUnderAttack,
    case_number,
    nothing_changes,
)

from xietong.casefile.v1.manifest_pb2 import Manifest, PartKind
from xietong.exchange.v1 import gateway_drafts_pb2, gateway_packages_pb2, package_pb2
from xietong.exchange.v1.draft_pb2 import Accepted, Contribution, DraftHeader, Outcome
from xietong.exchange.v1.envelope_pb2 import Address, Classification, Party
from xietong.exchange.v1.gateway_service_pb2 import GetNodeRequest
from xietong.exchange.v1.gateway_service_pb2_grpc import GatewayServiceStub
from xietong.exchange.v1.operations_service_pb2 import GetStatusRequest
from xietong.exchange.v1.operations_service_pb2_grpc import OperationsServiceStub
from xietong.exchange.v1.transfer_service_pb2 import GetCapabilitiesRequest
from xietong.exchange.v1.transfer_service_pb2_grpc import TransferServiceStub
from xietong_client.pki import CertificateFiles, DevelopmentCA, Identity, Role
from xietong_exchange.runtime.settings import SignerSettings, TlsSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

CASE_HANDLING = Identity("police", Role.SYSTEM, "case-handling")
DAY_IN_THE_PAST = datetime(2020, 2, 29, tzinfo=UTC)


def channel_with(city: City, files: CertificateFiles | None) -> grpc.aio.Channel:
    """A channel to the node of the police with these files, or with none."""
    own = (files.key.read_bytes(), files.certificate.read_bytes()) if files else (None, None)
    tls = grpc.ssl_channel_credentials((city.pki_folder / "ca.pem").read_bytes(), *own)
    options = [
        ("grpc.ssl_target_name_override", f"police.{TRUST_DOMAIN}"),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    return grpc.aio.secure_channel(f"127.0.0.1:{city.ports[Party.PARTY_POLICE]}", tls, options)


async def test_a_certificate_that_is_not_valid_gets_no_connection(
    steadfast: CityUnderAttack, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    ours, foreign = (
        DevelopmentCA.load(steadfast.pki_folder),
        DevelopmentCA.create(tmp_path / "foreign", TRUST_DOMAIN),
    )
    now = datetime.now(UTC)
    certificates = {
        "none": None,
        "of a foreign CA": foreign.issue(CASE_HANDLING, tmp_path / "a"),
        "expired": ours.issue(CASE_HANDLING, tmp_path / "b", days=1, now=DAY_IN_THE_PAST),
        "not yet valid": ours.issue(CASE_HANDLING, tmp_path / "c", now=now.replace(year=now.year + 2)),
        "made for signing": ours.issue(Identity("police", Role.SIGNER), tmp_path / "d"),
    }
    for name, files in certificates.items():
        with subtests.test(name):
            async with (
                nothing_changes(steadfast, Party.PARTY_POLICE),
                channel_with(steadfast, files) as channel,
            ):
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await GatewayServiceStub(channel).GetNode(GetNodeRequest(), timeout=BOUND_SECONDS)
            assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    async with channel_with(steadfast, ours.issue(CASE_HANDLING, tmp_path / "e")) as channel:
        answer = await GatewayServiceStub(channel).GetNode(GetNodeRequest(), timeout=BOUND_SECONDS)
    assert answer.system == "case-handling"


NO_TLS = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(65536),
    b"\x16\x03\x01\xff\xff",
)


async def test_bytes_that_are_no_tls_do_not_disturb(steadfast: CityUnderAttack) -> None:
    for greeting in NO_TLS:
        async with asyncio.timeout(BOUND_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", steadfast.ports[Party.PARTY_POLICE])
            try:
                writer.write(greeting)
                with suppress(ConnectionError):
                    assert b"xietong" not in await reader.read()
            finally:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()


# Whose certificate calls which node's service, none of which is meant for it.
STRANGERS = {
    "a court's system at the police": (Party.PARTY_POLICE, "system-trial", "court", "gateway"),
    "the court's node at the police": (Party.PARTY_POLICE, "exchange", "court", "transfer"),
    "the police's node at the procuratorate": (Party.PARTY_PROCURATORATE, "exchange", "police", "transfer"),
    "a system of the police at the hub's transfer": (
        Party.PARTY_HUB,
        "system-case-handling",
        "police",
        "transfer",
    ),
    "the police's node at its own gateway": (Party.PARTY_POLICE, "exchange", "police", "gateway"),
    "a system at the operations": (Party.PARTY_POLICE, "system-case-handling", "police", "operations"),
    "the hub's operator at the police": (Party.PARTY_POLICE, "operator", "hub", "operations"),
}


FIRST_CALLS: dict[str, Callable[[grpc.aio.Channel], Awaitable[object]]] = {
    "gateway": lambda channel: GatewayServiceStub(channel).GetNode(GetNodeRequest()),
    "transfer": lambda channel: TransferServiceStub(channel).GetCapabilities(GetCapabilitiesRequest()),
    "operations": lambda channel: OperationsServiceStub(channel).GetStatus(GetStatusRequest()),
}


async def test_a_valid_certificate_of_somebody_else_is_refused_by_name(
    steadfast: CityUnderAttack, subtests: pytest.Subtests
) -> None:
    for name, (node, credentials, owner, service) in STRANGERS.items():
        channel = await steadfast.channel(node, credentials, owner)
        with subtests.test(name):
            refused = await refusal(FIRST_CALLS[service](channel))
            assert (refused.reason, refused.code) == ("PEER_NOT_ALLOWED", "PERMISSION_DENIED")
            assert refused.facts["peer"] == f"{owner}/{credentials.replace('-', '/', 1)}"


async def first(stream: AsyncIterable[object]) -> object:
    return await anext(aiter(stream))


async def attempts(agency: Agency, sent: package_pb2.Package) -> dict[str, Refused]:
    """What a system is refused with, by rpc, when it tries whatever a grant is needed for."""
    key, gateway = draft_key(PROCESS, case_number()), agency.gateway
    contribution = Contribution(name="x", fragment=Manifest())
    header = DraftHeader(
        receivers=[Address(party=Party.PARTY_PROCURATORATE)],
        classification=Classification.CLASSIFICATION_UNCLASSIFIED,
    )
    upload = gateway_drafts_pb2.UploadPartRequest(
        header=gateway_drafts_pb2.UploadHeader(key=key, size_bytes=1, digest=digest(b"x"))
    )
    drafts, packages = gateway_drafts_pb2, gateway_packages_pb2
    outcome = Outcome(accepted=Accepted(receiver_case_number="1"))
    calls: dict[str, Awaitable[object]] = {
        "Contribute": gateway.Contribute(
            drafts.ContributeRequest(key=key, contribution=contribution, actor=ACTOR)
        ),
        "OpenDraft": gateway.OpenDraft(drafts.OpenDraftRequest(key=key, header=header, actor=ACTOR)),
        "UploadPart": first(gateway.UploadPart(iter([upload]))),
        "GetDraft": gateway.GetDraft(drafts.GetDraftRequest(key=key)),
        "DiscardDraft": gateway.DiscardDraft(drafts.DiscardDraftRequest(key=key, actor=ACTOR)),
        "Preflight": first(gateway.Preflight(drafts.PreflightRequest(key=key))),
        "Submit": gateway.Submit(drafts.SubmitRequest(request_id="click-0001", key=key, actor=ACTOR)),
        "ReadPart": first(gateway.ReadPart(packages.ReadPartRequest(package_id=sent.package_id))),
        "ReportOutcome": gateway.ReportOutcome(
            packages.ReportOutcomeRequest(package_id=sent.package_id, outcome=outcome, actor=ACTOR)
        ),
        "Withdraw": gateway.Withdraw(
            packages.WithdrawRequest(package_id=sent.package_id, reason="误发", actor=ACTOR)
        ),
    }
    return {name: await refusal(call) for name, call in calls.items()}


async def test_a_system_that_the_profile_does_not_name_may_do_nothing_with_contents(
    steadfast: CityUnderAttack, pki_folder: Path
) -> None:
    DevelopmentCA.load(pki_folder).ensure(Identity("police", Role.SYSTEM, "unknown"), pki_folder)
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    unknown = await steadfast.agency(Party.PARTY_POLICE, "unknown")
    sent = await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    async with nothing_changes(steadfast):
        told = await attempts(unknown, sent)
    assert {name: refused.reason for name, refused in told.items()} == dict.fromkeys(told, "GRANT_MISSING")
    assert all(refused.facts["system"] == "unknown" for refused in told.values())


async def test_the_archive_contributes_and_reads_its_kinds_only(steadfast: CityUnderAttack) -> None:
    archive = await steadfast.agency(Party.PARTY_POLICE, "evidence-archive")
    prosecution = await steadfast.agency(Party.PARTY_PROCURATORATE, "prosecution")
    sent = await prosecution.send("PB-02", Party.PARTY_POLICE, case_number=case_number())
    got = await archive.arrived(sent.package_id)
    gateway, key = archive.gateway, draft_key(PROCESS, case_number())
    async with nothing_changes(steadfast, Party.PARTY_POLICE):
        submit = await refusal(archive.submit(key))
        opened = await refusal(archive.open(key, Party.PARTY_PROCURATORATE))
        decided = await refusal(
            archive.report(got.package_id, Outcome(accepted=Accepted(receiver_case_number="1")))
        )
    assert {submit.facts["grant"], opened.facts["grant"], decided.facts["grant"]} == {"submit", "decide"}

    manifest = Manifest.FromString(await archive.read(got.package_id, 0))
    document = next(part for part in manifest.parts if part.kind == PartKind.PART_KIND_DOCUMENT)
    photo = next(part for part in manifest.parts if part.kind == PartKind.PART_KIND_IMAGE)
    assert len(await archive.read(got.package_id, photo.number)) == photo.size_bytes
    request = gateway_packages_pb2.ReadPartRequest(package_id=got.package_id, part=document.number)
    refused = await refusal(first(gateway.ReadPart(request)))
    assert (refused.reason, refused.facts["grant"]) == ("GRANT_MISSING", f"read part {document.number}")


async def failed(agency: Agency) -> Refused:
    """Send a package that cannot be delivered; the reason that its sender reads."""
    sent = await agency.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
    async with asyncio.timeout(BOUND_SECONDS):
        seen = await agency.reached(sent.package_id, package_pb2.DELIVERY_STATE_FAILED)
    assert seen.progress.state == package_pb2.HOP_STATE_DEAD
    return read_reason(seen.reasons[0])


def as_court(city: City, *, tls: bool) -> dict[str, object]:
    """Settings with which a node comes with the court's certificates, or signs with them."""
    folder = city.pki_folder / "court"
    if not tls:
        return {"signer": SignerSettings(certificate=folder / "signer.pem", key=folder / "signer-key.pem")}
    files = {"certificate": folder / "exchange.pem", "key": folder / "exchange-key.pem"}
    return {"tls": TlsSettings(ca=city.pki_folder / "ca.pem", **files)}


async def test_a_node_with_the_certificates_of_another_party_delivers_nothing(
    steadfast: CityUnderAttack, subtests: pytest.Subtests
) -> None:
    for tls, name in ((True, "court"), (False, "police")):
        async with steadfast.changed(Party.PARTY_POLICE, **as_court(steadfast, tls=tls)):
            # A node answers under the name in its certificate, so its systems must ask for it by that name.
            police = await agency_of(steadfast, name)
            with subtests.test("its TLS" if tls else "its signature"):
                async with nothing_changes(steadfast, Party.PARTY_HUB, Party.PARTY_PROCURATORATE):
                    refused = await failed(police)
                assert refused.reason == "SENDER_MISMATCH"
                assert "police" in refused.text_en
                assert "court" in refused.text_en


async def agency_of(city: City, name: str) -> Agency:
    """The case-handling system of the police at its node, which answers to this party's name."""
    files = city.pki_folder / "police"
    tls = grpc.ssl_channel_credentials(
        (city.pki_folder / "ca.pem").read_bytes(),
        (files / "system-case-handling-key.pem").read_bytes(),
        (files / "system-case-handling.pem").read_bytes(),
    )
    options = [("grpc.ssl_target_name_override", f"{name}.{TRUST_DOMAIN}")]
    channel = grpc.aio.secure_channel(f"127.0.0.1:{city.ports[Party.PARTY_POLICE]}", tls, options)
    return Agency(Party.PARTY_POLICE, "case-handling", GatewayServiceStub(channel))


async def test_a_hub_with_the_certificate_of_another_party_gets_nothing(steadfast: CityUnderAttack) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    async with steadfast.changed(Party.PARTY_HUB, **as_court(steadfast, tls=True)):
        async with nothing_changes(steadfast, Party.PARTY_HUB):
            sent = await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
            async with asyncio.timeout(BOUND_SECONDS):
                while not (reason := (await police.get(sent.package_id)).progress.last_reason).code:
                    await asyncio.sleep(0.01)
        assert reason.code == "NODE_UNREACHABLE"
        assert "resending does not help" in read_reason(reason).text_en
    async with asyncio.timeout(BOUND_SECONDS):
        await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
