"""Pre-flight and submit: the sender's node refuses what a node on the way would refuse, and names missing contents."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from tests.unit.exchange.drafts import (
    ACTOR,
    KEY,
    SYSTEM,
    PoliceNode,
    capabilities,
    content_of,
    manifest,
    police_node,
)
from tests.unit.exchange.nodes import rulebook

from xietong.exchange.v1.envelope_pb2 import Address, Envelope, Party
from xietong_exchange.adapters.rpc.status import MAX_STATUS_BYTES, MAX_VIOLATIONS, to_status
from xietong_exchange.domain.envelope import open_envelope
from xietong_exchange.domain.errors import EditionNotSupported, PartIncomplete, PreflightFailed
from xietong_exchange.flow.rulebook import Rulebook, findings_of
from xietong_exchange.flow.sealing import merge
from xietong_standard import Finding

PROCURATORATE = Party.PARTY_PROCURATORATE
REQUEST = "0198c0de-request"
MISTAKES = 10_000


async def findings(node: PoliceNode) -> list[Finding]:
    """The errors of pre-flight."""
    verdict, _ = await node.intake.preflight(KEY, SYSTEM)
    return list(verdict.errors)


async def ready_node() -> PoliceNode:
    """A node whose draft is complete."""
    whole = manifest()
    node = police_node(whole)
    await node.upload(*(content_of(part.name) for part in whole.parts))
    return node


async def manifest_bytes(node: PoliceNode) -> int:
    """The size of the sealed manifest."""
    (record,) = (await node.intake.submit(KEY, SYSTEM, REQUEST, ACTOR)).packages
    sealed = Envelope.FromString(record.envelope).parts[0]
    assert sealed.digest.value in node.store.packages.needs[record.package_id]
    return sealed.size_bytes


async def test_a_draft_that_all_nodes_take_has_no_error() -> None:
    node = await ready_node()
    assert await findings(node) == []  # nothing is known of the way yet, and nothing is held back for that
    node.hub.tells(capabilities(PROCURATORATE, "2026.1"))
    assert await findings(node) == []


@pytest.mark.parametrize("at_hub", [True, False], ids=["hub", "receiver"])
@pytest.mark.parametrize(
    ("rule", "limit", "named"),
    [
        ("XT-LIM-01", {"max_parts": 1}, "the number of parts is"),
        ("XT-LIM-02", {"max_manifest_bytes": 100}, "the manifest in bytes is"),
        ("XT-LIM-03", {"max_package_bytes": 1000}, "the package in bytes is"),
    ],
)
async def test_a_limit_on_the_way_is_named_with_the_excess(
    rule: str, limit: dict[str, int], named: str, at_hub: bool
) -> None:
    node = await ready_node()
    if at_hub:
        node.hub.tells(capabilities(PROCURATORATE), **limit)
    else:
        node.hub.tells(capabilities(PROCURATORATE, **limit))
    (found,) = await findings(node)
    (bound,) = limit.values()
    value = int(found.en.removeprefix(named).split(",")[0])
    assert (found.rule, found.en.startswith(named)) == (rule, True)
    assert f"{value - bound} above the limit of {bound}" in found.en
    assert ("中心平台" if at_hub else "人民检察院") in found.zh
    assert found.remedy_zh
    with pytest.raises(PreflightFailed) as refused:
        await node.intake.submit(KEY, SYSTEM, REQUEST, ACTOR)
    assert [violation.rule for violation in refused.value.violations] == [rule]
    assert node.store.packages.records == {}


async def test_the_manifest_is_measured_as_it_will_be_sealed() -> None:
    sealed = await manifest_bytes(await ready_node())
    node = await ready_node()
    node.hub.tells(capabilities(PROCURATORATE, max_manifest_bytes=sealed))
    assert await findings(node) == []
    node.hub.tells(capabilities(PROCURATORATE, max_manifest_bytes=sealed - 1))
    assert [found.rule for found in await findings(node)] == ["XT-LIM-02"]


async def test_a_limit_that_a_node_does_not_name_is_none() -> None:
    node = await ready_node()
    node.hub.tells(capabilities(PROCURATORATE, max_parts=0, max_manifest_bytes=0, max_package_bytes=0))
    assert await findings(node) == []


async def test_the_limits_of_other_receivers_do_not_count() -> None:
    node = await ready_node()
    node.hub.tells(capabilities(Party.PARTY_COURT, max_package_bytes=1))
    assert await findings(node) == []


def two_editions() -> Rulebook:
    """A node that reads a newer edition beside the old one."""
    edition = rulebook().edition("2026.1")
    return Rulebook([edition, replace(edition, id="2027.1")])


async def test_an_edition_that_the_receiver_does_not_read_is_found_here() -> None:
    node = await ready_node()
    node.hub.tells(capabilities(PROCURATORATE, "2025.1", "2025.2"))
    (found,) = await findings(node)
    assert (found.rule, found.path) == ("XT-LIM-04", "standard_edition")
    assert "procuratorate" in found.en
    assert "2025.1, 2025.2" in found.remedy_en


def test_without_a_wish_the_edition_is_the_newest_that_all_read() -> None:
    rules, day = two_editions(), date(2026, 12, 1)
    assert rules.choose("", [], day).id == "2027.1"
    assert rules.choose("", [{"2026.1", "2027.1"}, {"2026.1"}], day).id == "2026.1"
    assert rules.choose("", [{"2025.1"}], day).id == "2027.1"
    assert rules.choose("2027.1", [{"2026.1"}], day).id == "2027.1"
    with pytest.raises(EditionNotSupported):
        rules.choose("2031.1", [], day)


def test_an_edition_is_not_chosen_before_its_day() -> None:
    edition = rulebook().edition("2026.1")
    rules = Rulebook([edition, replace(edition, id="2027.1", effective_date=date(2027, 1, 1))])
    assert rules.choose("", [], date(2026, 12, 31)).id == "2026.1"
    assert rules.choose("", [], date(2027, 1, 1)).id == "2027.1"
    assert rules.choose("2027.1", [], date(2026, 12, 31)).id == "2027.1"


async def test_a_draft_takes_the_edition_that_its_receiver_reads() -> None:
    node = police_node(manifest(), rules=two_editions())
    assert (await node.intake.preflight(KEY, SYSTEM))[0].edition_id == "2027.1"
    node.hub.tells(capabilities(PROCURATORATE, "2026.1"))
    assert (await node.intake.preflight(KEY, SYSTEM))[0].edition_id == "2026.1"


async def test_missing_contents_are_named_each() -> None:
    whole = manifest()
    names = [part.name for part in whole.parts]
    assert len(names) > 1
    node = police_node(whole)
    found = await findings(node)
    assert [(one.rule, one.path) for one in found] == [
        ("XT-CNT-01", f"parts[{i}]") for i in range(len(names))
    ]
    assert all(name in one.en and name in one.zh for one, name in zip(found, names, strict=True))
    with pytest.raises(PartIncomplete, match=rf"\(\+{len(names) - 1}\)"):
        await node.intake.submit(KEY, SYSTEM, REQUEST, ACTOR)
    await node.upload(*map(content_of, names[1:]))
    assert [one.path for one in await findings(node)] == ["parts[0]"]
    await node.upload(content_of(names[0]))
    assert await findings(node) == []


@pytest.mark.parametrize("is_little", [False, True])
async def test_a_large_manifest_does_not_hold_up_the_others(
    monkeypatch: pytest.MonkeyPatch, *, is_little: bool
) -> None:
    monkeypatch.setattr("xietong_exchange.flow.work.LITTLE_BYTES", sys.maxsize if is_little else 0)
    node = await ready_node()
    where: dict[str, set[bool]] = {"merge": set(), "judge": set(), "sign": set()}

    def noting(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*given: Any, **named: Any) -> Any:
            where[name].add(threading.current_thread() is threading.main_thread())
            return work(*given, **named)

        return noted

    monkeypatch.setattr("xietong_exchange.flow.preflight.merge", noting("merge", merge))
    monkeypatch.setattr("xietong_exchange.flow.intake.open_envelope", noting("sign", open_envelope))
    monkeypatch.setattr(Rulebook, "judge", noting("judge", Rulebook.judge))
    await node.intake.submit(KEY, SYSTEM, REQUEST, ACTOR)
    assert where == {"merge": {is_little}, "judge": {is_little}, "sign": {is_little}}


async def test_ten_thousand_mistakes_are_all_told_and_refused_in_a_bounded_error() -> None:
    whole = manifest()
    for _ in range(MISTAKES):
        whole.persons.add(name="甲某").identity_documents.add(number="440199")
    node = police_node(whole)
    await node.upload(*(content_of(part.name) for part in whole.parts))
    verdict, _ = await node.intake.preflight(KEY, SYSTEM)
    told = list(findings_of(verdict))
    assert len(told) >= MISTAKES
    with pytest.raises(PreflightFailed) as refused:
        await node.intake.submit(KEY, SYSTEM, REQUEST, ACTOR)
    status = to_status(refused.value, incident="0" * 32)
    assert status.ByteSize() <= MAX_STATUS_BYTES
    info, request = ErrorInfo(), BadRequest()
    assert any(detail.Unpack(info) for detail in status.details)
    assert any(detail.Unpack(request) for detail in status.details)
    assert info.metadata["finding_count"] == str(len(verdict.errors))
    assert 0 < len(request.field_violations) <= MAX_VIOLATIONS


async def test_the_node_says_how_far_page_counts_may_differ() -> None:
    def told(tolerance: int) -> list[str]:
        counted = manifest()
        counted.documents[0].page_count = 1
        next(part for part in counted.parts if part.name == counted.documents[0].part).page_count = 3
        rules = Rulebook([rulebook().edition("2026.1")], page_tolerance=tolerance)
        sender, receiver = Address(party=Party.PARTY_POLICE), Address(party=PROCURATORATE)
        return [found.rule for found in rules.judge(counted, "2026.1", sender, receiver).findings]

    assert "XT-PAG-09" in told(1)
    assert "XT-PAG-09" not in told(2)
