"""Sending a case folder: as one system, as one of several, as an answer, and as a correction."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.unit.client.fake_node import FakeNode
from tests.unit.client.folders import CASE_DATA, PACKAGE, write_folder

from xietong.exchange.v1.envelope_pb2 import Address, Party
from xietong_client import (
    ContentInvalid,
    Node,
    SettingsInvalid,
    contribute_folder,
    envelope_of,
    prepare_folder,
    send_folder,
)

ARCHIVE = "  - {system: evidence-archive, name: dossier, data: dossier.yaml, files: dossier/}\n"
FILE = "提请批准逮捕书.pdf"


@pytest.fixture
def shared_folder(tmp_path: Path) -> Path:
    """A folder to which two systems contribute."""
    folder = write_folder(tmp_path, PACKAGE + ARCHIVE)
    (folder / "dossier").mkdir()
    (folder / "dossier" / "证据卷.pdf").write_bytes(b"%PDF dossier")
    parts = "parts: [{name: 证据卷.pdf, kind: PART_KIND_DOSSIER}]"
    (folder / "dossier.yaml").write_text(parts, encoding="utf-8")
    return folder


def contributions(fake: FakeNode) -> dict[str, list[str]]:
    [draft] = fake.open_drafts.values()
    return {c.name: [part.name for part in c.fragment.parts] for c in draft.contributions}


async def test_one_system_sends_the_whole_folder(node: Node, fake: FakeNode, shared_folder: Path) -> None:
    [package] = await send_folder(node, shared_folder)
    assert contributions(fake) == {"case-data": [FILE], "dossier": ["证据卷.pdf"]}
    assert fake.held[package.package_id].contents[1:] == [
        (shared_folder / "documents" / FILE).read_bytes(),
        b"%PDF dossier",
    ]


async def test_each_system_brings_its_own(node: Node, fake: FakeNode, shared_folder: Path) -> None:
    node.info.system = fake.system = "evidence-archive"
    await contribute_folder(node, shared_folder)
    assert contributions(fake) == {"dossier": ["证据卷.pdf"]}
    node.info.system = fake.system = "case-handling"
    [package] = await send_folder(node, shared_folder, only_own=True)
    assert len(fake.held[package.package_id].contents) == 3


async def test_a_system_without_content_is_told_so(node: Node, shared_folder: Path) -> None:
    node.info.system = "interview"
    with pytest.raises(ContentInvalid, match="case-handling, evidence-archive"):
        await send_folder(node, shared_folder, only_own=True)


async def test_receivers_can_be_named(node: Node, fake: FakeNode, tmp_path: Path) -> None:
    receivers: list[Address | str] = ["court", Address(party=Party.PARTY_JUSTICE)]
    sent = await send_folder(node, write_folder(tmp_path), to=receivers)
    assert len(sent) == 2
    [draft] = fake.open_drafts.values()
    assert [receiver.party for receiver in draft.header.receivers] == [Party.PARTY_COURT, Party.PARTY_JUSTICE]
    with pytest.raises(SettingsInvalid, match="nobody"):
        await send_folder(node, tmp_path / "01-PB-01", to=["nobody"])


async def test_an_answer_names_the_package(node: Node, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, PACKAGE + "in_reply_to: 00-PB-00\n")
    with pytest.raises(ContentInvalid, match="00-PB-00") as caught:
        await send_folder(node, folder)
    assert "--reply-to" in caught.value.remedy.en
    answered = "0190f5ff-0000-7000-8000-000000000000"
    [package] = await send_folder(node, folder, correlation_id=answered)
    assert envelope_of(package).correlation_id == answered


async def test_a_folder_of_another_party_is_refused(node: Node, fake: FakeNode, tmp_path: Path) -> None:
    folder = write_folder(tmp_path, PACKAGE.replace("from: police", "from: court"))
    with pytest.raises(ContentInvalid, match="is of court, but this node is of police"):
        await send_folder(node, folder)
    assert not fake.open_drafts


@pytest.fixture
async def returned(node: Node, tmp_path: Path) -> str:
    """A package that was sent before."""
    [package] = await send_folder(node, write_folder(tmp_path, name="before"))
    return package.package_id


def correction(folder: Path, contribution: str) -> Path:
    head, _, _ = PACKAGE.partition("contributions:")
    package = f"{head}corrects: before\ncontributions:\n  - {contribution}\n"
    (folder / "package.yaml").write_text(package, encoding="utf-8")
    return folder


async def test_a_correction_of_a_file_keeps_the_data(
    node: Node, fake: FakeNode, tmp_path: Path, returned: str
) -> None:
    folder = write_folder(tmp_path, name="correction")
    (folder / "case-data.yaml").unlink()
    (folder / "documents" / FILE).write_bytes(b"%PDF corrected")
    correction(folder, "{system: case-handling, name: case-data, files: documents/}")
    [package] = await send_folder(node, folder, corrects=returned)
    assert fake.held[package.package_id].contents[1] == b"%PDF corrected"
    [draft] = fake.open_drafts.values()
    assert draft.header.corrects_package_id == returned
    assert draft.contributions[0].fragment.persons[0].name == "样本·某"


async def test_a_correction_of_the_data_keeps_the_files(
    node: Node, fake: FakeNode, tmp_path: Path, returned: str
) -> None:
    folder = write_folder(tmp_path, data=CASE_DATA.replace("样本·某", "样本·甲"), name="correction")
    shutil.rmtree(folder / "documents")
    correction(folder, "{system: case-handling, name: case-data, data: case-data.yaml}")
    before = fake.uploaded_bytes
    [package] = await send_folder(node, folder, corrects=returned)
    assert fake.uploaded_bytes == before  # only what changed is sent
    assert fake.held[package.package_id].contents[1] == fake.held[returned].contents[1]


@pytest.mark.parametrize(
    ("contribution", "words"),
    [
        ("{system: case-handling, name: no-such-name}", "no data for no-such-name"),
        ("{system: case-handling, name: case-data, files: documents/}", "补充.pdf"),
    ],
)
async def test_a_correction_of_what_was_never_sent_is_refused(
    node: Node, tmp_path: Path, returned: str, contribution: str, words: str
) -> None:
    folder = write_folder(tmp_path, name="correction")
    (folder / "documents" / "补充.pdf").write_bytes(b"x")
    with pytest.raises(ContentInvalid, match=words):
        await send_folder(node, correction(folder, contribution), corrects=returned)


async def test_folder_and_caller_must_agree_about_correcting(
    node: Node, tmp_path: Path, returned: str
) -> None:
    plain = write_folder(tmp_path)
    with pytest.raises(ContentInvalid, match="do not agree"):
        await send_folder(node, plain, corrects=returned)
    correcting = correction(
        write_folder(tmp_path, name="c"), "{system: case-handling, name: case-data, data: case-data.yaml}"
    )
    with pytest.raises(ContentInvalid, match="do not agree"):
        await send_folder(node, correcting)


async def test_prepare_leaves_the_draft_open(node: Node, fake: FakeNode, tmp_path: Path) -> None:
    draft = await prepare_folder(node, write_folder(tmp_path))
    assert (await draft.preflight()).error_count == 0
    assert not fake.held
    await draft.discard()
    assert not fake.open_drafts
