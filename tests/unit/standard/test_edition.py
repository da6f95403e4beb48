"""What the published edition says: its processes, who may send them, and what they answer."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from xietong.exchange.v1.envelope_pb2 import Party as ContractParty
from xietong_standard import (
    Edition,
    EditionStatus,
    Endpoint,
    Party,
    ReceiverMode,
    UnknownProcessError,
    available_editions,
    load_edition,
)
from xietong_standard.model import AudioVideoMode

DETENTION_HOUSE = Endpoint("POLICE", "detention")


def test_all_processes_of_the_catalogue_are_there(edition: Edition) -> None:
    assert len(edition.processes) == 136
    assert sum(process.priority == 1 for process in edition.processes.values()) == 58


def test_an_edition_is_loaded_once(edition: Edition) -> None:
    assert load_edition("2026.1") is edition
    assert "2026.1" in available_editions()
    assert edition.status is EditionStatus.IN_FORCE


def test_an_edition_cannot_be_changed(edition: Edition) -> None:
    with pytest.raises(TypeError):
        edition.processes["PB-01"] = edition.process("PB-02")  # type: ignore[index] # that is what is tested
    with pytest.raises(FrozenInstanceError):
        edition.process("PB-01").priority = 3  # type: ignore[misc] # that is what is tested


def test_parties_are_those_of_the_contract() -> None:
    contract = {name.removeprefix("PARTY_") for name in ContractParty.keys()} - {"UNSPECIFIED"}  # noqa: SIM118 # an enum
    assert {party.value for party in Party} == contract


def test_an_unknown_process_names_code_and_edition(edition: Edition) -> None:
    with pytest.raises(UnknownProcessError, match=r"2026\.1.*'PB-99'"):
        edition.process("PB-99")


def test_technical_processes_are_no_packages(edition: Edition) -> None:
    technical = {code for code, process in edition.processes.items() if process.technical}
    assert technical == {"TY-01", "TY-02", "TY-03", "TY-04", "TY-05"}
    assert edition.may_send("TY-01", "POLICE", "COURT").rule == "XT-PRC-02"


@pytest.mark.parametrize(
    ("code", "sender", "receiver", "rule"),
    [
        ("PB-01", "POLICE", "PROCURATORATE", ""),
        ("PB-01", "COURT", "PROCURATORATE", "XT-PRC-03"),
        ("PB-01", "POLICE", "COURT", "XT-PRC-04"),
        ("PB-01", "POLICE", "HUB", "XT-PRC-04"),
        ("PB-99", "POLICE", "PROCURATORATE", "XT-PRC-01"),
        ("FY-01", "COURT", "JUSTICE", ""),
        ("PB-07", "POLICE", "PROCURATORATE", ""),
        ("JD-11", "PROCURATORATE", "PRISON", ""),
        ("JD-11", "PROCURATORATE", "HUB", "XT-PRC-04"),
        ("HY-01", "PROCURATORATE", "COURT", ""),
        ("HY-01", "JUSTICE", "COURT", "XT-PRC-03"),
        ("ZC-03", "POLICE", DETENTION_HOUSE, ""),
        ("ZC-03", "POLICE", "POLICE", ""),
        ("ZC-03", "POLICE", Endpoint("POLICE", "case-handling"), "XT-PRC-04"),
        ("ZX-02", Endpoint("POLICE", "case-handling"), "PRISON", "XT-PRC-03"),
        ("ZX-02", DETENTION_HOUSE, "PRISON", ""),
        ("PB-02", "PROCURATORATE", Endpoint("POLICE", "case-handling"), ""),
    ],
)
def test_who_may_send_to_whom(
    edition: Edition, code: str, sender: Endpoint | str, receiver: Endpoint | str, rule: str
) -> None:
    permission = edition.may_send(code, sender, receiver)
    assert permission.rule == rule
    assert bool(permission) is (not rule)
    assert bool(permission.reason.zh and permission.reason.en) is bool(rule)


def test_answers_are_many_to_one(edition: Edition) -> None:
    assert edition.may_answer("PB-02", "PB-01")
    assert edition.may_answer("PB-03", "PB-01")
    assert not edition.may_answer("PB-01", "PB-02")
    assert edition.may_answer("TY-03", "QS-01")


def test_a_judgment_goes_to_all_and_a_legal_aid_answer_to_one(edition: Edition) -> None:
    judgment = edition.process("SP-19").receivers
    assert judgment.mode is ReceiverMode.ALL_OF
    assert [str(role) for role in judgment.roles] == [
        "PROCURATORATE",
        "POLICE",
        "POLICE:detention",
        "JUSTICE",
    ]
    assert edition.process("FY-02").receivers.mode is ReceiverMode.ONE_OF


def test_what_is_unsure_says_what(edition: Edition) -> None:
    unsure = [process for process in edition.processes.values() if "unsure" in process.provenance]
    assert unsure
    assert all(point.note.zh and point.note.en for process in unsure for point in process.unsure)
    assert {point.item for point in edition.unsure} >= {"volumes", "documents"}


def test_basis_names_law_version_and_article(edition: Edition) -> None:
    assert edition.process("PB-01").basis_text() == (
        "《中华人民共和国刑事诉讼法》(2018-10-26)第91条；《人民检察院刑事诉讼规则》(2019)第282条"
    )


def test_audio_and_video_rules(edition: Edition) -> None:
    assert edition.process("PB-12").audio_video.mode is AudioVideoMode.REQUIRED
    assert edition.process("PB-01").audio_video.kinds == ("INTERROGATION",)
    assert edition.process("SP-19").audio_video.mode is AudioVideoMode.NONE
