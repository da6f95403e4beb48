"""Bad input from the sender's systems: drafts with missing or malformed fields, and sends that the standard forbids."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.integration.exchange.city import ACTOR, City, content_of, draft_key, manifest_for
from tests.integration.exchange.refusals import Refused, refusal
from tests.integration.exchange.shared_city import PROCESS, CityUnderAttack, case_number, nothing_changes

from xietong.casefile.v1.manifest_pb2 import PartKind
from xietong.casefile.v1.person_pb2 import PersonRole
from xietong.exchange.v1 import draft_pb2
from xietong.exchange.v1.envelope_pb2 import Address, Classification, Party
from xietong.exchange.v1.gateway_drafts_pb2 import (
    ContributeRequest,
    OpenDraftRequest,
    PreflightRequest,
    SubmitRequest,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

Spoil = Callable[[ContributeRequest], object]

# What is wrong with a contribution, and the path under which the caller reads it.
MALFORMED: dict[str, tuple[Spoil, str]] = {
    "no actor": (lambda r: r.ClearField("actor"), "actor"),
    "no handler": (lambda r: r.actor.ClearField("handler_ref"), "actor.handler_ref"),
    "no organ of the handler": (lambda r: r.actor.ClearField("organ_code"), "actor.organ_code"),
    "no key": (lambda r: r.ClearField("key"), "key"),
    "no organ code": (lambda r: r.key.ClearField("organ_code"), "key.organ_code"),
    "a case number of 101 characters": (
        lambda r: setattr(r.key, "case_number", "号" * 101),
        "key.case_number",
    ),
    "a case number with NUL": (lambda r: setattr(r.key, "case_number", "A\0B"), "key.case_number"),
    "an organ code with a line break": (lambda r: setattr(r.key, "organ_code", "44\n01"), "key.organ_code"),
    "a label with NUL": (lambda r: setattr(r.key, "label", "\0"), "key.label"),
    "a process that is no code": (lambda r: setattr(r.key, "process_code", "pb01"), "key.process_code"),
    "no contribution": (lambda r: r.ClearField("contribution"), "contribution"),
    "no name": (lambda r: r.contribution.ClearField("name"), "contribution.name"),
    "a name with NUL": (lambda r: setattr(r.contribution, "name", "a\0"), "contribution.name"),
    "no fragment": (lambda r: r.contribution.ClearField("fragment"), "contribution.fragment"),
    "a date of no form": (
        lambda r: setattr(r.contribution.fragment.case, "filing_date", "2026年1月11日"),
        "contribution.fragment.case.filing_date",
    ),
    "a person without a role": (
        lambda r: r.contribution.fragment.persons[2].ClearField("roles"),
        "contribution.fragment.persons[2].roles",
    ),
    "a role that nobody knows": (
        lambda r: r.contribution.fragment.persons[1].roles.append(PersonRole.ValueType(77)),
        "contribution.fragment.persons[1].roles[3]",
    ),
    "a case number of the case with NUL": (
        lambda r: setattr(r.contribution.fragment.case.numbers[0], "number", "A\0"),
        "contribution.fragment.case.numbers[0].number",
    ),
    "101 case numbers": (
        lambda r: r.contribution.fragment.case.numbers.extend([r.contribution.fragment.case.numbers[0]] * 98),
        "contribution.fragment.case.numbers",
    ),
    "a part of no kind": (
        lambda r: r.contribution.fragment.parts[0].ClearField("kind"),
        "contribution.fragment.parts[0].kind",
    ),
    "a part without a digest": (
        lambda r: r.contribution.fragment.parts[1].ClearField("sha256"),
        "contribution.fragment.parts[1].sha256",
    ),
    "a digest in upper case": (
        lambda r: setattr(r.contribution.fragment.parts[0], "sha256", "AB" * 32),
        "contribution.fragment.parts[0].sha256",
    ),
    "a digest of another length": (
        lambda r: setattr(r.contribution.fragment.parts[0], "sha256", "ab" * 31),
        "contribution.fragment.parts[0].sha256",
    ),
}
PART_NAMES = {
    "empty": "",
    "a path": "案卷/证据.pdf",
    "a path of Windows": "案卷\\证据.pdf",
    "the way up": "../../etc/passwd",
    "this folder": ".",
    "the folder above": "..",
    "NUL": "证据\0.pdf",
    "a line break": "证据\n.pdf",
    "an escape": "证据\x1b[2J.pdf",
    "delete": "证据\x7f.pdf",
    "a C1 control": "证据\x85.pdf",
    "a line separator": "证据\u2028.pdf",
    "right-to-left": "证据\u202efdp.exe",
    "an isolate": "证据\u2066.pdf",
    "a leading space": " 证据.pdf",
    "a trailing space": "证据.pdf ",
    "5,000 characters": "证" * 5000,
    "more bytes than a file system takes": "𤩽" * 70,
}


def contribution(process: str = PROCESS) -> ContributeRequest:
    """A request with nothing wrong."""
    fragment = manifest_for(process, {})
    content_of(fragment, {})
    return ContributeRequest(
        key=draft_key(process, case_number()),
        contribution=draft_pb2.Contribution(name="case-data", fragment=fragment),
        actor=ACTOR,
    )


async def test_a_malformed_field_is_named_by_its_path(
    steadfast: CityUnderAttack, subtests: pytest.Subtests
) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    for name, (spoil, path) in MALFORMED.items():
        request = contribution()
        spoil(request)
        with subtests.test(name):
            async with nothing_changes(steadfast, Party.PARTY_POLICE):
                refused = await refusal(police.gateway.Contribute(request))
            assert (refused.reason, refused.code) == ("INVALID_FIELD", "INVALID_ARGUMENT")
            assert set(refused.fields) == {path}


async def test_a_part_has_a_plain_name(steadfast: CityUnderAttack, subtests: pytest.Subtests) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    path = "contribution.fragment.parts[0].name"
    for name, part_name in PART_NAMES.items():
        request = contribution()
        request.contribution.fragment.parts[0].name = part_name
        with subtests.test(name):
            async with nothing_changes(steadfast, Party.PARTY_POLICE):
                refused = await refusal(police.gateway.Contribute(request))
            assert (refused.reason, set(refused.fields)) == ("INVALID_FIELD", {path})
            assert refused.fields[path].isprintable()


async def test_more_wrong_fields_than_an_error_holds_are_counted(steadfast: CityUnderAttack) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    request = contribution()
    part = request.contribution.fragment.parts[0]
    for number in range(300):
        request.contribution.fragment.parts.add(
            name=f"{number}/" + "𤩽" * 40, kind=part.kind, sha256=part.sha256
        )
    async with nothing_changes(steadfast, Party.PARTY_POLICE):
        refused = await refusal(police.gateway.Contribute(request))
    assert refused.facts["violation_count"] == "300"
    assert refused.text_en.startswith("300 field(s)")
    assert 0 < len(refused.fields) <= 20


async def test_a_draft_holds_each_name_once_and_keeps_within_the_limits(steadfast: CityUnderAttack) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    archive = await steadfast.agency(Party.PARTY_POLICE, "evidence-archive")
    request = contribution()
    await police.gateway.Contribute(request)
    too_much = contribution()
    too_much.key.CopyFrom(request.key)
    too_much.contribution.name = "recording"
    del too_much.contribution.fragment.parts[1:]
    too_much.contribution.fragment.parts[0].name = "recording.mp4"
    too_much.contribution.fragment.parts[0].size_bytes = 200 << 30
    async with nothing_changes(steadfast, Party.PARTY_POLICE):
        twice = await refusal(archive.gateway.Contribute(request))
        too_large = await refusal(archive.gateway.Contribute(too_much))
    assert twice.reason == "PART_NAME_CONFLICT"
    assert twice.facts["name"] == "photo.jpg"
    assert twice.facts["other"] == "case-handling/case-data"
    assert too_large.reason == "PACKAGE_TOO_LARGE"
    assert int(too_large.facts["value"]) > 200 << 30 > int(too_large.facts["limit"])


async def test_a_draft_of_more_data_than_a_manifest_holds_is_refused(
    steadfast: CityUnderAttack,
) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    request = contribution()
    for number in range(9000):
        request.contribution.fragment.fields.add(code=f"f{number}", value="值" * 650)
    assert 16 << 20 < request.ByteSize() < 20 << 20
    async with nothing_changes(steadfast, Party.PARTY_POLICE):
        refused = await refusal(police.gateway.Contribute(request))
    assert refused.reason == "PACKAGE_TOO_LARGE"
    assert refused.facts["limit"] == str(16 << 20)


def header(*receivers: Address, **fields: object) -> draft_pb2.DraftHeader:
    """A header with nothing wrong but what is given."""
    said = draft_pb2.DraftHeader(
        receivers=receivers or [Address(party=Party.PARTY_PROCURATORATE)],
        classification=Classification.CLASSIFICATION_UNCLASSIFIED,
    )
    for name, value in fields.items():
        setattr(said, name, value)
    return said


TO_PROCURATORATE = Address(party=Party.PARTY_PROCURATORATE)
UNKNOWN_PACKAGE = "01a20ad2-0000-7000-8000-000000000000"
# What is wrong with a send: process, header, reason, and a word of the sentence that the caller needs.
FORBIDDEN: dict[str, tuple[str, draft_pb2.DraftHeader, str, str]] = {
    "a process that nobody knows": ("XX-99", header(), "UNKNOWN_PROCESS", "XX-99"),
    "another party's process": (
        "PB-02",
        header(Address(party=Party.PARTY_POLICE)),
        "SENDER_NOT_ALLOWED",
        "PB-02",
    ),
    "another receiver": (
        "PB-01",
        header(Address(party=Party.PARTY_JUSTICE)),
        "RECEIVER_NOT_ALLOWED",
        "justice",
    ),
    "to itself": ("PB-01", header(Address(party=Party.PARTY_POLICE)), "RECEIVER_NOT_ALLOWED", "police"),
    "to the hub": ("PB-01", header(Address(party=Party.PARTY_HUB)), "RECEIVER_NOT_ALLOWED", "hub"),
    "one right and one wrong receiver": (
        "PB-01",
        header(TO_PROCURATORATE, Address(party=Party.PARTY_COURT)),
        "RECEIVER_NOT_ALLOWED",
        "court",
    ),
    "an edition of the future": (
        "PB-01",
        header(standard_edition="2031.1"),
        "EDITION_NOT_SUPPORTED",
        "2031.1",
    ),
    "a classified case": (
        "PB-01",
        header(classification=Classification.CLASSIFICATION_CLASSIFIED),
        "CLASSIFIED_REFUSED",
        "unclassified",
    ),
    "a case of no classification": (
        "PB-01",
        header(classification=Classification.CLASSIFICATION_UNSPECIFIED),
        "CLASSIFIED_REFUSED",
        "unclassified",
    ),
    "a correction of nothing": (
        "PB-01",
        header(corrects_package_id=UNKNOWN_PACKAGE),
        "PACKAGE_NOT_FOUND",
        UNKNOWN_PACKAGE,
    ),
    "the same receiver twice": (
        "PB-01",
        header(TO_PROCURATORATE, TO_PROCURATORATE),
        "INVALID_FIELD",
        "header.receivers[1]",
    ),
    "a receiver that is no party": (
        "PB-01",
        header(Address(party=Party.ValueType(99))),
        "INVALID_FIELD",
        "header.receivers[0].party",
    ),
    "a correlation that is no id": (
        "PB-01",
        header(correlation_id="the one of yesterday"),
        "INVALID_FIELD",
        "header.correlation_id",
    ),
}


async def test_a_send_that_the_standard_forbids_never_becomes_a_draft(
    steadfast: CityUnderAttack, subtests: pytest.Subtests
) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    for name, (process, said, reason, word) in FORBIDDEN.items():
        with subtests.test(name):
            request = OpenDraftRequest(key=draft_key(process, case_number()), header=said, actor=ACTOR)
            async with nothing_changes(steadfast, Party.PARTY_POLICE):
                refused = await refusal(police.gateway.OpenDraft(request))
            assert refused.reason == reason
            assert word in refused.text_en or word in refused.fields


async def test_an_unknown_process_is_refused_at_the_first_contribution(steadfast: CityUnderAttack) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    request = contribution()
    request.key.process_code = "XX-99"
    async with nothing_changes(steadfast, Party.PARTY_POLICE):
        refused = await refusal(police.gateway.Contribute(request))
    assert (refused.reason, refused.code) == ("UNKNOWN_PROCESS", "INVALID_ARGUMENT")
    assert "2026.1" in refused.text_en


async def findings(city: City, key: draft_pb2.DraftKey) -> dict[str, draft_pb2.Finding]:
    """The whole verdict by path."""
    police = await city.agency(Party.PARTY_POLICE, "case-handling")
    pieces = [piece async for piece in police.gateway.Preflight(PreflightRequest(key=key))]
    assert pieces[-1].summary.error_count == len(pieces) - 1
    return {piece.finding.path: piece.finding for piece in pieces[:-1]}


async def test_what_preflight_finds_stays_here_and_is_corrected_in_place(steadfast: CityUnderAttack) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    key = draft_key(PROCESS, case_number())
    fragment = manifest_for(PROCESS, {})
    fragment.case.ClearField("name")
    fragment.case.filing_date = "2026-02-30"
    fragment.measures[0].start_time.seconds = 10**15
    fragment.documents[0].part = "nowhere.pdf"
    fragment.parts.add(name="unused.pdf", kind=PartKind.PART_KIND_DOCUMENT)
    await police.contribute(key, fragment, {})
    await police.open(key, Party.PARTY_PROCURATORATE)

    async with nothing_changes(steadfast):
        refused = await refusal(police.submit(key))
    verdict = await findings(steadfast, key)

    assert (refused.reason, refused.code) == ("PREFLIGHT_FAILED", "FAILED_PRECONDITION")
    assert refused.facts["finding_count"] == str(len(verdict))
    assert set(refused.fields) == set(verdict)
    wrong = {"case.name", "case.filing_date", "measures[0].start_time", "documents[0].part", "parts[2].name"}
    assert wrong <= set(verdict)
    assert all(finding.rule.startswith("XT-") and finding.text_zh for finding in verdict.values())

    await police.contribute(key, manifest_for(PROCESS, {}), {})
    assert await findings(steadfast, key) == {}
    assert (await police.submit(key)).packages[0].package_id


async def test_only_an_opened_draft_is_checked_and_sent(steadfast: CityUnderAttack) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    missing, unopened = draft_key(PROCESS, case_number()), draft_key(PROCESS, case_number())
    await police.contribute(unopened, manifest_for(PROCESS, {}), {})

    async def preflight(key: draft_pb2.DraftKey) -> Refused:
        return await refusal(anext(aiter(police.gateway.Preflight(PreflightRequest(key=key)))))

    async with nothing_changes(steadfast):
        told = [await preflight(missing), await refusal(police.submit(missing))]
        assert {refused.reason for refused in told} == {"DRAFT_NOT_FOUND"}
        assert all(missing.case_number in refused.text_zh for refused in told)
        told = [await preflight(unopened), await refusal(police.submit(unopened))]
        assert {refused.reason for refused in told} == {"STATE_CONFLICT"}
        nobody = SubmitRequest(request_id="click-0001", key=unopened)
        assert set((await refusal(police.gateway.Submit(nobody))).fields) == {"actor"}
        short = SubmitRequest(request_id="click", key=unopened, actor=ACTOR)
        assert set((await refusal(police.gateway.Submit(short))).fields) == {"request_id"}
