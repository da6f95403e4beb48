"""Problems with a package: to the own operators first, then to the other party; both see the same."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from tests.integration.exchange.hostile_neighbour import HostileNode, hostile_node
from tests.integration.exchange.refusals import read_status
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    PROCESS,
    CityUnderAttack,
    case_number,
)

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.problem_pb2 import ProblemAct, ProblemKind, ProblemNote, SignedProblemNote
from xietong.exchange.v1.transfer_service_pb2 import DeliverNotesRequest
from xietong.supervision.v1 import problem_service_pb2 as pb
from xietong_client import Conflict, NotFound, Problems

pytestmark = pytest.mark.asyncio(loop_scope="session")

POLICE, PROCURATORATE, HUB, COURT = (
    Party.PARTY_POLICE,
    Party.PARTY_PROCURATORATE,
    Party.PARTY_HUB,
    Party.PARTY_COURT,
)


@dataclass
class Desks:
    """The problems as the operators of each node see them."""

    city: CityUnderAttack

    async def of(self, party: Party.ValueType, credentials: str = "operator") -> Problems:
        return Problems(await self.city.channel(party, credentials))

    async def until(
        self, party: Party.ValueType, report_id: str, wanted: Callable[[list[str]], bool]
    ) -> list[str]:
        """What was said and done, as this node knows it, once that is so."""
        desk = await self.of(party)
        async with asyncio.timeout(BOUND_SECONDS):
            while True:
                try:
                    said = [f"{one.stated_by}:{one.text}" for one in (await desk.get(report_id)).notes]
                except NotFound:
                    said = []
                if wanted(said):
                    return said
                await asyncio.sleep(0.05)


async def test_a_problem_goes_to_the_own_operators_and_then_to_the_other_party(
    steadfast: CityUnderAttack,
) -> None:
    desks = Desks(steadfast)
    police = await steadfast.agency(POLICE, "case-handling")
    sent = await police.send(PROCESS, PROCURATORATE, case_number=case_number())
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)

    viewer = await desks.of(PROCURATORATE, "system-prosecution")
    garbled = ProblemKind.PROBLEM_KIND_GARBLED_TEXT
    report = await viewer.report(sent.package_id, garbled, "第二页乱码", part=1)
    again = await viewer.report(sent.package_id, garbled, report_id=report.report_id)
    assert (again, again.state) == (report, pb.PROBLEM_STATE_OPEN)
    own, other = await desks.of(PROCURATORATE), await desks.of(POLICE)
    assert [one async for one in own.find(package_id=sent.package_id)] == [report]
    await own.comment(report.report_id, "已复现")
    with pytest.raises(NotFound):
        await other.get(report.report_id)

    assert (await own.pass_on(report.report_id, "请发送方核对")).state == pb.PROBLEM_STATE_PASSED
    said = [f"{PROCURATORATE}:{text}" for text in ("第二页乱码", "已复现", "请发送方核对")]
    assert await desks.until(POLICE, report.report_id, lambda notes: len(notes) == 3) == said
    seen = (await other.get(report.report_id)).problem
    assert (seen.state, seen.kind, seen.reported_by) == (pb.PROBLEM_STATE_PASSED, garbled, PROCURATORATE)

    await other.comment(report.report_id, "字体未嵌入")
    await other.close(report.report_id, "将更正后重发")
    said += [f"{POLICE}:{text}" for text in ("字体未嵌入", "将更正后重发")]
    for party in (PROCURATORATE, POLICE, HUB):
        assert await desks.until(party, report.report_id, lambda notes: len(notes) == 5) == said
        assert (await (await desks.of(party)).get(report.report_id)).problem.state == pb.PROBLEM_STATE_CLOSED
    for party in (PROCURATORATE, HUB):
        with pytest.raises(Conflict):
            await (await desks.of(party)).comment(report.report_id, "too late")


async def test_of_a_package_that_one_has_not_nothing_is_reported(steadfast: CityUnderAttack) -> None:
    police = await steadfast.agency(POLICE, "case-handling")
    sent = await police.send(PROCESS, PROCURATORATE, case_number=case_number())
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
    desks = Desks(steadfast)
    other = ProblemKind.PROBLEM_KIND_OTHER
    with pytest.raises(NotFound):
        await (await desks.of(POLICE)).report(str(uuid.uuid4()), other)
    with pytest.raises(NotFound):  # the hub relays it; it is no package of its party
        await (await desks.of(HUB)).report(sent.package_id, other)


async def test_forged_notes_are_refused_one_by_one(steadfast: CityUnderAttack) -> None:
    court = await hostile_node(steadfast)
    package, other = court.forge(b"problems"), court.forge(b"other problems")
    for one in (package, other):
        await court.bring(one)
    police = await steadfast.agency(POLICE, "case-handling")
    foreign = await police.send(PROCESS, PROCURATORATE, case_number=case_number())
    await police.reached(foreign.package_id, package_pb2.DELIVERY_STATE_DELIVERED)

    good, moved = _note(package.package_id), _note(other.package_id)
    moved.report_id = good.report_id
    forged = {
        "PACKAGE_NOT_FOUND": court.note(_note(str(uuid.uuid4()))),
        "EVIDENCE_INVALID": court.note(_note(foreign.package_id)),
        "SIGNATURE_INVALID": _changed(court, good),
    }
    request = DeliverNotesRequest(
        notes=[
            court.note(good),
            *forged.values(),
            SignedProblemNote(note=b"\xff", signature=court.note(good).signature),
            court.note(moved),  # into a report about another package
        ]
    )
    results = (await court.stub.DeliverNotes(request, timeout=BOUND_SECONDS)).results
    assert not results[0].HasField("error")
    reasons = [read_status(one.error).reason for one in results[1:]]
    assert reasons == [*forged, "EVIDENCE_INVALID", "EVIDENCE_INVALID"]
    known = await (await Desks(steadfast).of(HUB)).get(good.report_id)
    assert [one.note_id for one in known.notes] == [good.note_id]


def _note(package_id: str) -> ProblemNote:
    note = ProblemNote(
        note_id=str(uuid.uuid4()),
        report_id=str(uuid.uuid4()),
        package_id=package_id,
        kind=ProblemKind.PROBLEM_KIND_OTHER,
        reported_by=COURT,
        act=ProblemAct.PROBLEM_ACT_PASSED,
        stated_by=COURT,
    )
    note.note_time.GetCurrentTime()
    return note


def _changed(court: HostileNode, note: ProblemNote) -> SignedProblemNote:
    signed = court.note(note)
    note.text = "changed"
    return SignedProblemNote(note=note.SerializeToString(), signature=signed.signature)
