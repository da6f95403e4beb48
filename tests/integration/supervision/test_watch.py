"""The watch over real rows, with an injected time: when somebody is told, what is one incident, and when it is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from tests.integration.store.records import NOON, new_id
from tests.integration.supervision.scene import COURT, HUB, OPERATOR, Scene

from xietong.exchange.v1.evidence_pb2 import Reason, Statement
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong.supervision.v1 import directory_service_pb2 as directory
from xietong.supervision.v1 import incident_pb2 as pb
from xietong.supervision.v1 import incident_service_pb2
from xietong_exchange.domain.errors import (
    DatabaseUnavailable,
    IncidentNotFound,
    PackageNotFound,
    StateConflict,
)
from xietong_exchange.flow.incidents import IncidentRecord
from xietong_exchange.flow.neighbours import Contact
from xietong_exchange.flow.progress import Movement
from xietong_exchange.supervision.advice import what_it_is, what_to_do
from xietong_exchange.supervision.watch import Watch

HUB_DESK = directory.Contact(
    party=HUB, system="exchange", vendor="示例厂商", level=directory.CONTACT_LEVEL_OPERATIONS, reach="0000"
)
WARNING, ALARM = pb.INCIDENT_SEVERITY_WARNING, pb.INCIDENT_SEVERITY_ALARM


async def test_a_standstill_is_told_within_minutes_and_is_an_alarm_after_two_and_a_half_hours(
    scene: Scene,
) -> None:
    first = await scene.sent(fails=True, size_bytes=1000)
    await scene.sent(fails=True)
    assert await scene.after(minutes=2.9) == []
    (told,) = await scene.after(minutes=3.1)
    assert (told.kind, told.severity, told.hop) == (pb.INCIDENT_KIND_STANDSTILL, WARNING, HUB)
    assert (told.package_count, told.last_reason.code) == (2, "STORAGE_FULL")
    assert told.last_reason.text_en == "full; wait"
    assert told.package_id == first.package_id
    assert told.submit_time.ToDatetime(tzinfo=UTC) == scene.begin
    assert "resending does not help" in told.advice_en
    assert "不要重新发送" in told.advice_zh
    (same,) = await scene.after(minutes=149)
    assert (same.incident_id, same.severity) == (told.incident_id, WARNING)
    (same,) = await scene.after(minutes=150.1)
    assert (same.incident_id, same.severity) == (told.incident_id, ALARM)


async def test_a_transfer_that_runs_stands_still_when_its_bytes_do(scene: Scene) -> None:
    sent = await scene.sent(size_bytes=1000)
    moving = Movement(0, 1000, is_incoming=False)
    scene.exchange.progress.show(sent.package_id, moving)
    for minute in range(3, 15, 2):
        moving.transferred_bytes += 105
        assert await scene.after(minutes=minute) == []
    assert await scene.after(minutes=15.9) == []
    (told,) = await scene.after(minutes=16.1)
    assert (told.transferred_bytes, told.total_bytes) == (630, 1000)
    assert "63 %" in told.advice_en
    assert "63 %" in told.text_zh
    moving.transferred_bytes += 1
    assert await scene.after(minutes=17) == []


async def test_late_but_moving_is_slow_and_says_so(scene: Scene) -> None:
    sent = await scene.sent(size_bytes=100)
    moving = Movement(10, 100, is_incoming=False)
    scene.exchange.progress.show(sent.package_id, moving)
    await scene.after(minutes=149)
    moving.transferred_bytes = 63
    (told,) = await scene.after(minutes=151)
    assert (told.kind, told.severity) == (pb.INCIDENT_KIND_SLOW, ALARM)
    assert told.advice_en.endswith("the transfer is running, 63 %")


async def test_packages_that_a_failed_round_would_have_noted_are_noted_by_the_next(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_args: object) -> None:
        raise DatabaseUnavailable

    first = await scene.sent(fails=True)
    await scene.after(minutes=4)
    second = await scene.sent(fails=True)
    with monkeypatch.context() as broken:
        broken.setattr(Watch, "_close", fails)
        with pytest.raises(DatabaseUnavailable):
            await scene.after(minutes=5)
    (incident,) = await scene.after(minutes=6)
    _, packages, _ = await scene.desk.get(incident.incident_id)
    assert set(packages) == {first.package_id, second.package_id}


async def test_what_waits_for_its_turn_does_not_stand_still(scene: Scene) -> None:
    await scene.sent(claimed=False)
    assert await scene.after(minutes=60) == []
    (told,) = await scene.after(minutes=151)
    assert told.severity == ALARM


async def test_a_neighbour_that_is_away_is_one_incident_with_all_that_waits(scene: Scene) -> None:
    scene.line.state = Contact(reachable=False, last_contact_time=scene.begin)
    assert await scene.after(minutes=2) == []
    (told,) = await scene.after(minutes=3)
    assert (told.kind, told.package_count, told.package_id) == (pb.INCIDENT_KIND_NEIGHBOUR_AWAY, 0, "")
    waiting = [await scene.sent(fails=True) for _ in range(3)]
    (same,) = await scene.after(minutes=6)
    assert (same.incident_id, same.package_count, same.severity) == (told.incident_id, 3, WARNING)
    (same,) = await scene.after(minutes=151)
    assert (same.package_count, same.severity) == (3, ALARM)
    _, packages, _ = await scene.desk.get(told.incident_id)
    assert set(packages) == {record.package_id for record in waiting}
    scene.line.state = Contact(reachable=True)
    for record in waiting:
        await scene.reaches(record, DeliveryState.DELIVERY_STATE_PARSED)
    assert await scene.after(minutes=152) == []
    (closed,) = await scene.incidents(pb.INCIDENT_STATE_CLOSED)
    assert closed.incident_id == told.incident_id
    assert closed.close_time.ToDatetime(tzinfo=UTC) == scene.begin + timedelta(minutes=152)


async def test_at_the_receiver_it_tells_who_has_to_act(scene: Scene) -> None:
    sent = await scene.held(receiver=COURT)
    await scene.reaches(sent, DeliveryState.DELIVERY_STATE_DELIVERED)
    (told,) = await scene.after(minutes=16)
    assert (told.kind, told.hop, told.system) == (pb.INCIDENT_KIND_NOT_FETCHED, COURT, "")
    await scene.reaches(sent, DeliveryState.DELIVERY_STATE_RETRIEVED)
    assert await scene.after(minutes=17) == []
    reasons = Statement(reasons=[Reason(code="BAD-ZIP", text_zh="压缩包损坏", text_en="broken archive")])
    await scene.reaches(sent, DeliveryState.DELIVERY_STATE_RETRIEVED, reasons.SerializeToString())
    (told,) = await scene.after(minutes=18)
    assert (told.kind, told.last_reason.code) == (pb.INCIDENT_KIND_PARSE_FAILED, "BAD-ZIP")
    await scene.reaches(sent, DeliveryState.DELIVERY_STATE_RETRIEVED, Statement().SerializeToString())
    (told,) = await scene.after(minutes=150)
    assert (told.kind, told.severity) == (pb.INCIDENT_KIND_NOT_PARSED, ALARM)


async def test_what_the_hub_holds_and_does_not_deliver_is_for_the_hub_to_explain(scene: Scene) -> None:
    await scene.desk.directory.put(HUB_DESK, OPERATOR)
    sent = await scene.sent(receiver=COURT)
    async with scene.exchange.store.transaction() as tx:
        moved = await tx.outbox.of_package(sent.package_id)
        assert moved is not None
        await tx.outbox.finish([(moved.delivery_id, moved.token)])
    await scene.reaches(sent, DeliveryState.DELIVERY_STATE_RELAYED)
    (told,) = await scene.after(minutes=4)
    assert (told.kind, told.hop) == (pb.INCIDENT_KIND_NOT_DELIVERED, COURT)
    assert list(told.contacts) == [HUB_DESK]


def test_every_kind_of_incident_has_its_words() -> None:
    record = IncidentRecord(
        incident_id="",
        cause="",
        kind=pb.INCIDENT_KIND_UNSPECIFIED,
        severity=WARNING,
        state=pb.INCIDENT_STATE_OPEN,
        hop=COURT,
        system="",
        package_count=3,
        package_id="",
        package_state=DeliveryState.DELIVERY_STATE_SUBMITTED,
        transferred_bytes=999,
        total_bytes=1000,
        last_reason="",
        last_text_zh="",
        last_text_en="",
        submit_time=None,
        relay_time=None,
        open_time=NOON,
        change_time=NOON,
    )
    for kind in set(pb.IncidentKind.values()) - {pb.INCIDENT_KIND_UNSPECIFIED}:
        one = replace(record, kind=kind)
        for text in (what_it_is(one), what_to_do(one)):
            assert "{" not in text.zh + text.en
            assert "100 %" not in text.zh + text.en  # not before all is there
        assert "3" in what_it_is(one).zh
        assert "人民法院" in what_it_is(one).zh


async def test_what_was_given_up_is_told_at_once(scene: Scene) -> None:
    sent = await scene.sent(claimed=False)
    await scene.reaches(sent, DeliveryState.DELIVERY_STATE_FAILED)
    (told,) = await scene.after(seconds=1)
    assert (told.kind, told.severity) == (pb.INCIDENT_KIND_GIVEN_UP, ALARM)
    assert "xietong dead replay" in told.advice_zh


async def test_an_announced_package_that_does_not_come_is_told_by_its_receiver(scene: Scene) -> None:
    record = await scene.held(direction=Direction.DIRECTION_INCOMING, sender=COURT)
    async with scene.exchange.store.transaction() as tx:
        seen = await tx.incidents.open_package(record.package_id)
    assert seen is not None
    (told,) = await scene.after(minutes=3.1)
    assert (told.kind, told.hop) == (pb.INCIDENT_KIND_STANDSTILL, HUB)


async def test_nobody_acknowledges_so_the_lead_is_called_once(scene: Scene) -> None:
    await scene.sent(fails=True)
    (told,) = await scene.after(minutes=4)
    (told,) = await scene.after(minutes=33)
    assert not told.escalated
    (told,) = await scene.after(minutes=34)
    assert told.escalated
    await scene.after(minutes=35)
    _, _, events = await scene.desk.get(told.incident_id)
    assert [(one.operation, one.caller) for one in events] == [("escalate_incident", "police/exchange")]


async def test_what_operators_do_is_kept_and_ends_the_escalation(scene: Scene) -> None:
    await scene.sent(fails=True)
    (told,) = await scene.after(minutes=4)
    desk, incident_id = scene.desk, told.incident_id
    silent = await desk.silence(incident_id, timedelta(hours=1), "计划内维护", OPERATOR)
    assert silent.silence_until_time.ToDatetime(tzinfo=UTC) == scene.begin + timedelta(minutes=64)
    (told,) = await scene.after(minutes=90)
    assert not told.escalated
    await desk.acknowledge(incident_id, "已联系", OPERATOR)
    taken = await desk.acknowledge(incident_id, "已联系", OPERATOR)
    assert (taken.state, taken.acknowledged_by) == (pb.INCIDENT_STATE_ACKNOWLEDGED, "police/operator")
    handed = await desk.assign(incident_id, "夜班值守", "", OPERATOR)
    assert handed.assignee == "夜班值守"
    (told,) = await scene.after(minutes=149)
    assert (told.escalated, told.assignee) == (False, "夜班值守")
    _, _, events = await desk.get(incident_id)
    assert [(one.operation, one.note) for one in events] == [
        ("silence_incident", "60 min: 计划内维护"),
        ("acknowledge_incident", "已联系"),
        ("assign_incident", "夜班值守"),
    ]


async def test_a_closed_incident_takes_no_more_acts_and_its_cause_opens_a_new_one(scene: Scene) -> None:
    sent = await scene.sent(fails=True)
    (told,) = await scene.after(minutes=4)
    await scene.reaches(sent, DeliveryState.DELIVERY_STATE_PARSED)
    assert await scene.after(minutes=5) == []
    with pytest.raises(StateConflict):
        await scene.desk.acknowledge(told.incident_id, "", OPERATOR)
    with pytest.raises(IncidentNotFound):
        await scene.desk.acknowledge(new_id(), "", OPERATOR)
    await scene.sent(fails=True)
    (again,) = await scene.after(minutes=10)
    assert again.incident_id != told.incident_id


async def test_after_a_restart_nothing_is_over_before_enough_is_known(scene: Scene) -> None:
    scene.line.state = Contact(reachable=False, last_contact_time=scene.begin)
    (told,) = await scene.after(minutes=4)
    scene.line.state = Contact(reachable=False)  # since the restart it never answered
    scene.watch.start_time = scene.begin + timedelta(minutes=5)
    (same,) = await scene.after(minutes=6)
    assert same.incident_id == told.incident_id
    (same,) = await scene.after(minutes=9)
    assert same.incident_id == told.incident_id


async def test_the_clock_of_one_package(scene: Scene) -> None:
    sent = await scene.sent(fails=True)
    await scene.after(minutes=4)
    seen = await scene.desk.arrival(sent.package_id)
    assert seen.punctuality == incident_service_pb2.PUNCTUALITY_STALLED
    assert seen.due_time.ToDatetime(tzinfo=UTC) == scene.begin + timedelta(hours=2.5)
    assert not seen.HasField("expected_time")
    assert seen.incident.package_id == sent.package_id
    with pytest.raises(PackageNotFound):
        await scene.desk.arrival(new_id())
