"""Receiving a package: checked, shown, decided; a defective one harms nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import pytest
from tests.unit.client.fake_node import FakeNode
from tests.unit.systems.submissions import manifest_of

from xietong.casefile.v1.manifest_pb2 import PartKind
from xietong.exchange.v1.evidence_pb2 import Reason
from xietong.exchange.v1.package_pb2 import DeliveryState, Package
from xietong_client import Node
from xietong_system_desk import DeskProfile, Submission
from xietong_system_desk.card import CARD_FILE
from xietong_system_desk.case_numbers import CaseRegister
from xietong_system_desk.folders import DeskFolders
from xietong_system_desk.receiving import Receiver
from xietong_system_desk.records import Receipt, ReceiptStage

CONTENTS = (b"%PDF-1.7 decision", b"%PDF-1.7 dossier")


@pytest.fixture
def receiver(node: Node, profile: DeskProfile, folders: DeskFolders, register: CaseRegister) -> Receiver:
    return Receiver(node, profile, folders, register)


async def deliver(fake: FakeNode) -> Package:
    manifest = manifest_of(
        processCode="PB-02",
        case={"name": "样本某盗窃案"},
        parts=[
            {"name": "批准逮捕决定书.pdf", "kind": "PART_KIND_DOCUMENT", "mediaType": "application/pdf"},
            {"name": "证据卷.pdf", "kind": "PART_KIND_DOSSIER", "mediaType": "application/pdf"},
        ],
    )
    package = fake.add_package(manifest, CONTENTS)
    await fake.set_state(package.package_id, DeliveryState.DELIVERY_STATE_DELIVERED)
    return package


def outcomes(fake: FakeNode) -> list[str]:
    return [str(request.outcome.WhichOneof("outcome")) for request in fake.outcomes]


async def test_a_package_is_kept_shown_and_accepted_with_an_own_number(
    receiver: Receiver, fake: FakeNode, folders: DeskFolders
) -> None:
    package = await deliver(fake)
    assert await receiver.is_due(package)
    await receiver.handle(package)
    assert outcomes(fake) == ["parsed", "accepted"]
    assert fake.outcomes[1].outcome.accepted.receiver_case_number == "受〔2026〕1号"
    place = folders.received / package.package_id
    assert sorted(path.read_bytes() for path in (place / "files").iterdir()) == sorted(CONTENTS)
    assert "样本某盗窃案" in (place / CARD_FILE).read_text(encoding="utf-8")
    assert Receipt.read(place).stage is ReceiptStage.ACCEPTED
    assert not await receiver.is_due(package)


async def test_after_a_restart_before_the_outcome_the_case_keeps_its_number(
    receiver: Receiver, fake: FakeNode, folders: DeskFolders
) -> None:
    package = await deliver(fake)
    await receiver.handle(package)
    (folders.received / package.package_id / "receipt.json").unlink()
    restarted = replace(receiver, register=CaseRegister.load(folders.register))
    await restarted.handle(package)
    numbers = {
        r.outcome.accepted.receiver_case_number for r in fake.outcomes if r.outcome.HasField("accepted")
    }
    assert numbers == {"受〔2026〕1号"}


async def test_the_handlers_reasons_go_back_to_the_sender(
    receiver: Receiver, fake: FakeNode, folders: DeskFolders
) -> None:
    def check(_submission: Submission) -> Iterable[Reason]:
        yield Reason(code="PROPERTY_MISSING", path="properties", part=1, text_zh="缺", text_en="lacks")

    package = await deliver(fake)
    await replace(receiver, profile=replace(receiver.profile, checks=(check,))).handle(package)
    assert outcomes(fake) == ["parsed", "returned"]
    assert fake.outcomes[1].outcome.returned.reasons[0].path == "properties"
    receipt = json.loads((folders.received / package.package_id / "receipt.json").read_text(encoding="utf-8"))
    assert (receipt["stage"], receipt["reasons"][0]["part"]) == ("returned", 1)


async def test_bytes_that_are_not_as_sealed_are_reported_and_not_accepted(
    receiver: Receiver, fake: FakeNode
) -> None:
    package = await deliver(fake)
    fake.corrupt_reads = 100
    await receiver.handle(package)
    assert outcomes(fake) == ["parse_failed"]
    assert fake.outcomes[0].outcome.parse_failed.reasons[0].code == "CONTENT_MISMATCH"
    fake.corrupt_reads = 0
    assert await receiver.is_due(package)  # parsing may be tried again without a resend
    await receiver.handle(package)
    assert outcomes(fake) == ["parse_failed", "parsed", "accepted"]


async def test_a_package_that_breaks_the_parser_is_reported(receiver: Receiver, fake: FakeNode) -> None:
    def broken(_submission: Submission) -> Iterable[Reason]:
        raise LookupError

    package = await deliver(fake)
    await replace(receiver, profile=replace(receiver.profile, checks=(broken,))).handle(package)
    assert outcomes(fake) == ["parse_failed"]
    assert fake.outcomes[0].outcome.parse_failed.reasons[0].code == "PARSER_FAILED"


async def test_an_archive_takes_its_kinds_and_decides_nothing(
    receiver: Receiver, fake: FakeNode, folders: DeskFolders
) -> None:
    kinds = frozenset({PartKind.PART_KIND_DOSSIER})
    archive = replace(receiver, profile=replace(receiver.profile, decides=False, reads=kinds))
    package = await deliver(fake)
    # The case-handling system may be quicker: an accepted package is still to be archived.
    await fake.set_state(package.package_id, DeliveryState.DELIVERY_STATE_ACCEPTED)
    assert await archive.is_due(package)
    await archive.handle(package)
    assert outcomes(fake) == []
    place = folders.received / package.package_id
    assert [path.name for path in (place / "files").iterdir()] == ["证据卷.pdf"]
    assert Receipt.read(place).stage is ReceiptStage.ARCHIVED
