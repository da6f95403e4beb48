"""A rehearsal tells which rules a package would break, by path, and nothing of what the case says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.exchange.nodes import rulebook
from tests.unit.standard.packages import package

from xietong.exchange.v1.envelope_pb2 import Address, Party
from xietong_exchange.domain.errors import EditionNotSupported
from xietong_exchange.flow.rulebook import Rulebook, described

POLICE, PROCURATORATE = Address(party=Party.PARTY_POLICE), Address(party=Party.PARTY_PROCURATORATE)
WRONG_NUMBER = "诉𠮷12"


def test_what_the_case_says_stays_out_of_the_texts() -> None:
    edition = rulebook().edition("2026.1")
    manifest = package(edition.process("PB-01"))
    manifest.process_code = "PB-01"
    for document in manifest.documents:
        document.number = WRONG_NUMBER
    manifest.case.filing_date = ""
    found = rulebook().judge(manifest, "2026.1", POLICE, PROCURATORATE).errors
    assert any(WRONG_NUMBER in one.zh or WRONG_NUMBER in one.remedy_zh for one in found)
    told = [described(one) for one in found]
    assert all(WRONG_NUMBER not in one.text_zh + one.text_en for one in told)
    assert {one.path for one in told} == {one.path for one in found}
    assert any("立案日期" in one.text_zh for one in told)  # the edition's own word for the field


def test_an_edition_on_trial_is_rehearsed_and_never_read() -> None:
    edition = rulebook().edition("2026.1")
    rules = Rulebook([edition], on_trial=[replace(edition, id="2026.2")])
    manifest = package(edition.process("PB-01"))
    manifest.process_code = "PB-01"
    assert rules.editions == ["2026.1"]
    assert rules.rehearse(manifest, "2026.2", POLICE, PROCURATORATE).errors == ()
    assert manifest.standard_edition != "2026.2"
    with pytest.raises(EditionNotSupported):
        rules.edition("2026.2")
    with pytest.raises(EditionNotSupported):
        rules.rehearsable("2031.1")
