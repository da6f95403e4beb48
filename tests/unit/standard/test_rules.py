"""Each rule fires on what is wrong and stays silent beside it."""

from __future__ import annotations

import re
from itertools import islice

import pytest
from tests.unit.standard import (
    rule_cases_dates,
    rule_cases_package,
    rule_cases_papers,
    rule_cases_people,
)
from tests.unit.standard.changes import Change, add_media
from tests.unit.standard.packages import IDENTIFIED, package, verdict

from xietong.casefile.v1.case_pb2 import CodedValue
from xietong.casefile.v1.charge_pb2 import Charge, ChargeStage
from xietong.casefile.v1.dossier_pb2 import Volume, VolumeItem, VolumeKind
from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.casefile.v1.measure_pb2 import MeasureKind
from xietong.casefile.v1.person_pb2 import IdentityDocumentKind, IdentityStatus, PersonRole
from xietong_standard import RULES, Edition, Finding, Rule, Severity, findings, validate
from xietong_standard.validation import CHECKS
from xietong_standard.vocabulary import PROVENANCE

CASES = [
    *rule_cases_package.CASES,
    *rule_cases_people.CASES,
    *rule_cases_papers.CASES,
    *rule_cases_dates.CASES,
]
# Who may send what to whom is a question of the edition: tested there, and here as a finding.
ROUTING = {"XT-PRC-01", "XT-PRC-02", "XT-PRC-03", "XT-PRC-04"}
CODES = {f"XT-COD-{number:02}" for number in range(1, 11)}  # test_codes.py
STAGE = {"XT-LIF-01", "XT-LIF-02"}  # test_lifecycle.py


def findings_of(edition: Edition, code: str, change: Change, rule: str) -> list[Finding]:
    manifest = package(edition.process(code))
    change(manifest)
    return [finding for finding in verdict(edition, code, manifest).findings if finding.rule == rule]


@pytest.mark.parametrize(("rule", "code", "wrong", "right"), CASES, ids=[case[0] for case in CASES])
def test_a_rule_fires_and_stays_silent(
    edition: Edition, rule: str, code: str, wrong: Change, right: Change
) -> None:
    found = findings_of(edition, code, wrong, rule)
    assert found
    for finding in found:
        texts = (finding.zh, finding.en, finding.remedy_zh, finding.remedy_en, finding.basis)
        assert all(texts)
        assert not any("{" in text or "None" in text for text in texts)
        assert finding.severity is RULES[rule].severity
    assert findings_of(edition, code, right, rule) == []


def test_every_rule_is_tested() -> None:
    assert {case[0] for case in CASES} | ROUTING | CODES | STAGE == set(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_says_what_is_wrong_why_and_how_to_mend_it(rule: Rule) -> None:
    assert re.fullmatch(r"XT-[A-Z]{3}-[0-9]{2}", rule.code)
    assert rule.basis
    assert rule.provenance in PROVENANCE
    for text in (rule.text, rule.remedy):
        placeholders = [set(re.findall(r"{[a-z]+}", words)) for words in (text.zh, text.en)]
        assert placeholders[0] == placeholders[1]
        assert re.search(r"[一-鿿]", text.zh)
        assert re.search(r"[a-z]{3}", text.en)
        assert not text.zh.endswith("。")
        assert not text.en.endswith(".")


def test_no_rule_has_the_code_of_another() -> None:
    assert len(RULES) == sum(len(check.RULES) for check in CHECKS)


@pytest.mark.parametrize(
    ("code", "sender", "receiver", "rule", "path"),
    [
        ("PB-99", "POLICE", "PROCURATORATE", "XT-PRC-01", "process_code"),
        ("TY-02", "POLICE", "PROCURATORATE", "XT-PRC-02", "process_code"),
        ("PB-01", "COURT", "PROCURATORATE", "XT-PRC-03", ""),
        ("PB-01", "POLICE", "JUSTICE", "XT-PRC-04", ""),
    ],
)
def test_process_sender_and_receiver(
    edition: Edition, code: str, sender: str, receiver: str, rule: str, path: str
) -> None:
    manifest = package(edition.process("PB-01"))
    judged = validate(manifest, code, edition, sender=sender, receiver=receiver)
    assert [(finding.rule, finding.path) for finding in judged.errors] == [(rule, path)]
    assert all((judged.errors[0].zh, judged.errors[0].en, judged.errors[0].remedy_zh))
    assert not judged.ok


def test_a_warning_lets_the_package_leave(edition: Edition) -> None:
    manifest = package(edition.process("PB-02"))
    add_media(manifest)
    judged = verdict(edition, "PB-02", manifest)
    assert [finding.severity for finding in judged.findings] == [Severity.WARNING]
    assert judged.warnings == judged.findings
    assert judged.ok


def test_the_contract_names_the_entry(edition: Edition) -> None:
    manifest = package(edition.process("PB-01"))
    manifest.persons[0].identity_documents.add(number="1")
    paths = [finding.path for finding in verdict(edition, "PB-01", manifest).errors]
    assert paths == ["persons[0].identity_documents[1].kind"]


def test_an_empty_manifest_is_judged_whole(edition: Edition) -> None:
    judged = verdict(edition, "PB-01", Manifest())
    assert {"XT-FLD-01", "XT-DOC-01", "XT-VOL-01"} <= {finding.rule for finding in judged.errors}


def test_nonsense_is_judged_and_never_raises(edition: Edition) -> None:
    manifest = Manifest()
    measure = manifest.measures.add(person_id="{x}", kind=MeasureKind.MEASURE_KIND_DETENTION)
    measure.start_time.seconds, measure.start_time.nanos = 2**62, -5
    measure.end_time.seconds = -(2**62)
    manifest.case.filing_date = "2026-W01-1"
    manifest.case.offence_date = "99999999"
    manifest.sentences.add(person_id="a", judgment_number="(\x00")
    manifest.volumes.add(title="{title}")
    manifest.parts.add(name="a\x00b{part}")
    person = manifest.persons.add(id="{person} {0}")
    person.identity_documents.add(kind=IdentityDocumentKind.IDENTITY_DOCUMENT_KIND_RESIDENT, number="１" * 18)
    judged = validate(manifest, "\x00{process}", edition, sender="", receiver="nobody")
    assert {"XT-PRC-01", "XT-DAT-03", "XT-DAT-06", "XT-NUM-01", "XT-CTR-09"} <= {
        f.rule for f in judged.errors
    }


def test_unusual_but_right_input_passes(edition: Edition) -> None:
    manifest = package(edition.process("PB-01"))
    manifest.persons[0].name = "阿不都热依木·𠮷田"
    manifest.persons[0].other_names.append("小名１２３")
    manifest.volumes[0].items[0].title = "犯罪嫌疑人小名123的讯问笔录"
    manifest.volumes[0].items[1].title = "犯罪嫌疑人编号001第二次讯问笔录"
    manifest.persons[0].identity_documents[0].number = "１１０１０５１９４９１２３１００２Ｘ"
    manifest.parts[0].name = manifest.persons[1].photo_part = "照片·𠮷（１）.jpg"
    manifest.persons.add(
        id="p-witness", roles=[PersonRole.PERSON_ROLE_WITNESS], name="化名乙", pseudonym=True
    )
    manifest.persons.add(
        id="p-self-reported",
        roles=[PersonRole.PERSON_ROLE_SUSPECT],
        name="阿不都热依木•买买提",
        identity_status=IdentityStatus.IDENTITY_STATUS_SELF_REPORTED,
        sex_code="1",
    )
    add_what_a_suspect_needs(manifest, "p-self-reported")
    assert verdict(edition, "PB-01", manifest).findings == ()


def add_what_a_suspect_needs(manifest: Manifest, person_id: str) -> None:
    """A charge and measures like those of the first suspect."""
    for field in ("charges", "measures"):
        entries = getattr(manifest, field)
        for entry in [entry for entry in entries if entry.person_id == IDENTIFIED]:
            entries.add().CopyFrom(entry)
            entries[-1].person_id = person_id


def test_findings_do_not_repeat_names_or_numbers_of_persons(edition: Edition) -> None:
    manifest = package(edition.process("PB-01"))
    manifest.persons[0].identity_documents[0].number = "110105194912310021"
    manifest.persons[0].sex_code = ""
    manifest.measures[0].ClearField("place")
    findings = verdict(edition, "PB-01", manifest).findings
    assert len(findings) == 3
    text = "".join(finding.zh + finding.en + finding.remedy_zh + finding.remedy_en for finding in findings)
    assert "张某某" not in text
    assert "110105" not in text


def test_a_range_is_compared_with_the_one_that_reaches_furthest(edition: Edition) -> None:
    manifest = package(edition.process("PB-01"))
    ranges = [(1, 100), (2, 3), (50, 60), (101, 101)]
    items = [
        VolumeItem(number=number + 1, title="目录", first_page=first, last_page=last)
        for number, (first, last) in enumerate(ranges)
    ]
    manifest.volumes[0].CopyFrom(
        Volume(
            number=1, title="卷", kind=VolumeKind.VOLUME_KIND_DOCUMENTS, items=items, parts=["volume-1.pdf"]
        )
    )
    paths = [finding.path for finding in verdict(edition, "PB-01", manifest).errors]
    assert paths == ["volumes[0].items[1]", "volumes[0].items[2]"]


def test_ten_thousand_mistakes_are_all_named(edition: Edition) -> None:
    manifest = package(edition.process("PB-01"))
    manifest.charges.extend(
        Charge(
            person_id=f"nobody-{number}",
            stage=ChargeStage.CHARGE_STAGE_FILING,
            offence=CodedValue(name="盗窃罪"),
        )
        for number in range(10_000 - len(manifest.charges))
    )
    findings = verdict(edition, "PB-01", manifest).findings
    assert len(findings) == 10_000 - 12
    assert {finding.rule for finding in findings} == {"XT-REF-01"}


def test_findings_come_one_by_one(edition: Edition) -> None:
    manifest = Manifest(process_code="PB-02")
    stream = findings(manifest, "PB-01", edition, sender="POLICE", receiver="PROCURATORATE")
    assert [finding.rule for finding in islice(stream, 2)] == ["XT-PRC-05", "XT-FLD-01"]
    # The checks behind have not looked yet: what goes wrong meanwhile is still found.
    manifest.parts.add(name="a.exe")
    assert "XT-PRT-10" in {finding.rule for finding in stream}


@pytest.mark.parametrize(
    ("title", "paths"),
    [
        ("犯罪嫌疑人张某某第一次讯问笔录", []),
        ("犯罪嫌疑人张 某某的供述", []),
        ("证人王某询问笔录", []),
        ("讯问笔录（张某某，第一次）", []),
        ("讯问笔录（第一次）", []),
        ("询问笔录（李某，第一次）", ["volumes[0].items[0].title"]),
        ("证人李某询问笔录", ["volumes[0].items[0].title"]),
        ("被害人化名甲陈述", []),
        ("被害人陈述", []),
        ("证人证言", []),
        ("犯罪嫌疑人供述和辩解", []),
        ("犯罪嫌疑人第二次讯问笔录", []),
        ("证人家属询问笔录", []),
        ("犯罪嫌疑人权利义务告知书", []),
    ],
)
def test_names_in_titles(edition: Edition, title: str, paths: list[str]) -> None:
    manifest = package(edition.process("PB-01"))
    manifest.volumes[0].items[0].title = title
    found = verdict(edition, "PB-01", manifest).findings
    assert [finding.path for finding in found if finding.rule == "XT-DOC-10"] == paths


@pytest.mark.parametrize(("tolerance", "stated", "fires"), [(0, 4, 0), (0, 5, 1), (9, 13, 0), (9, 14, 1)])
def test_how_far_page_counts_may_differ_is_up_to_the_node(
    edition: Edition, tolerance: int, stated: int, fires: int
) -> None:
    manifest = package(edition.process("PB-01"))
    manifest.volumes[0].page_count = stated
    judged = validate(
        manifest, "PB-01", edition, sender="POLICE", receiver="PROCURATORATE", page_tolerance=tolerance
    )
    assert [finding.rule for finding in judged.findings] == ["XT-PAG-04"] * fires
