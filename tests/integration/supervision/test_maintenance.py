"""Maintenance over real rows: who announces it, and what it silences, as long as it is announced."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from tests.integration.store.records import new_id
from tests.integration.supervision.mailbox import Mailbox
from tests.integration.supervision.scene import COURT, HUB, OPERATOR, Scene

from xietong.exchange.v1.capabilities_pb2 import Capabilities
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.maintenance_pb2 import MaintenanceWindow
from xietong.supervision.v1.incident_pb2 import Incident
from xietong_exchange.domain.errors import PeerNotAllowed, StateConflict
from xietong_exchange.flow.maintenance import MOST_WINDOWS
from xietong_exchange.flow.neighbours import Contact
from xietong_exchange.supervision.incident_notices import IncidentNews
from xietong_exchange.supervision.notices import Notifier


def maintenance(scene: Scene, begin: float, end: float) -> MaintenanceWindow:
    """Of the hub, in minutes since the begin."""
    window = MaintenanceWindow(maintenance_id=new_id(), party=HUB, text_zh="更换磁盘")
    window.start_time.FromDatetime(scene.begin + timedelta(minutes=begin))
    window.end_time.FromDatetime(scene.begin + timedelta(minutes=end))
    return window


def hub_says(scene: Scene, *windows: MaintenanceWindow) -> None:
    of_hub = Capabilities(party=HUB, maintenance=windows)
    scene.line.state = replace(scene.line.state, capabilities=of_hub)


async def silenced(scene: Scene, window: MaintenanceWindow) -> Incident:
    """What stands still from minute 4 on and is silenced in minute 11."""
    hub_says(scene, window)
    await scene.sent(fails=True)
    (incident,) = await scene.after(minutes=11)
    assert incident.silence_until_time == window.end_time
    return incident


async def test_maintenance_silences_what_stands_behind_the_node_once(scene: Scene) -> None:
    window = MaintenanceWindow(maintenance_id=new_id(), party=HUB, text_zh="更换磁盘")
    window.start_time.FromDatetime(scene.begin + timedelta(minutes=10))
    window.end_time.FromDatetime(scene.begin + timedelta(minutes=70))
    other = MaintenanceWindow(maintenance_id=new_id(), party=COURT, text_zh="法院")
    other.start_time.FromDatetime(scene.begin)
    other.end_time.FromDatetime(scene.begin + timedelta(hours=9))
    of_hub = Capabilities(party=HUB, maintenance=[window, other])
    scene.line.state = replace(scene.line.state, capabilities=of_hub)
    await scene.sent(fails=True)
    (told,) = await scene.after(minutes=4)
    assert not told.HasField("silence_until_time")
    (silent,) = await scene.after(minutes=11)
    assert silent.silence_until_time == window.end_time
    assert not (await scene.after(minutes=69))[0].escalated
    await scene.desk.silence(silent.incident_id, timedelta(0), "", OPERATOR)
    (loud,) = await scene.after(minutes=69.5)
    assert (loud.HasField("silence_until_time"), loud.escalated) == (False, True)
    _, _, events = await scene.desk.get(told.incident_id)
    assert [(one.operation, one.caller, one.note) for one in events] == [
        ("silence_incident", "police/exchange", "maintenance: 更换磁盘"),
        ("silence_incident", "police/operator", "0 min: "),
        ("escalate_incident", "police/exchange", ""),
    ]


async def test_a_silence_ends_when_its_announcement_is_taken_back(scene: Scene) -> None:
    incident = await silenced(scene, maintenance(scene, 10, 70))
    hub_says(scene)
    (loud,) = await scene.after(minutes=12)
    assert loud.silence_until_time.ToDatetime(UTC) == scene.begin + timedelta(minutes=12)
    assert not loud.escalated  # that is counted from now on
    mailbox = Mailbox()
    news = [IncidentNews(scene.exchange, scene.desk)]
    await Notifier(exchange=scene.exchange, news=news, endpoint=mailbox, per_minute=600_000).tell()
    assert mailbox.what() == ["opened"]
    (late,) = await scene.after(minutes=43)
    assert late.escalated
    _, _, events = await scene.desk.get(incident.incident_id)
    assert [(one.operation, one.note) for one in events] == [
        ("silence_incident", "maintenance: 更换磁盘"),
        ("silence_incident", "maintenance: 0 min"),
        ("escalate_incident", ""),
    ]


async def test_a_silence_that_an_operator_set_outlasts_the_announcement(scene: Scene) -> None:
    incident = await silenced(scene, maintenance(scene, 10, 70))
    by_hand = await scene.desk.silence(incident.incident_id, timedelta(minutes=90), "", OPERATOR)
    hub_says(scene)
    (silent,) = await scene.after(minutes=12)
    assert silent.silence_until_time == by_hand.silence_until_time


async def test_a_silence_moves_with_its_announcement(scene: Scene) -> None:
    window = maintenance(scene, 10, 70)
    await silenced(scene, window)
    window.end_time.FromDatetime(scene.begin + timedelta(minutes=30))
    hub_says(scene, window)
    (shorter,) = await scene.after(minutes=12)
    assert shorter.silence_until_time == window.end_time
    window.start_time.FromDatetime(scene.begin + timedelta(minutes=20))
    hub_says(scene, window)
    (not_yet,) = await scene.after(minutes=13)
    assert not_yet.silence_until_time.ToDatetime(UTC) == scene.begin + timedelta(minutes=13)
    (again,) = await scene.after(minutes=21)
    assert again.silence_until_time == window.end_time


async def test_who_has_not_been_heard_since_a_restart_has_taken_nothing_back(scene: Scene) -> None:
    window = maintenance(scene, 10, 70)
    await silenced(scene, window)
    scene.line.state = Contact(reachable=True)
    (silent,) = await scene.after(minutes=12)
    assert silent.silence_until_time == window.end_time


async def test_an_announcement_silences_once_whoever_restarts(scene: Scene) -> None:
    window = maintenance(scene, 10, 70)
    incident = await silenced(scene, window)
    await scene.desk.silence(incident.incident_id, timedelta(0), "", OPERATOR)
    scene.watch = replace(scene.watch)
    (loud,) = await scene.after(minutes=12)
    assert not loud.HasField("silence_until_time")


async def test_what_a_long_silence_held_back_is_told_at_its_end(scene: Scene) -> None:
    await silenced(scene, maintenance(scene, 10, 3000))
    mailbox = Mailbox()
    news = [IncidentNews(scene.exchange, scene.desk)]
    notifier = Notifier(exchange=scene.exchange, news=news, endpoint=mailbox, per_minute=600_000)
    scene.passed = timedelta(minutes=2999)
    await notifier.tell()
    assert mailbox.taken == []
    scene.passed = timedelta(minutes=3001)
    await notifier.tell()
    assert mailbox.what() == ["opened"]


async def test_a_branch_announces_for_itself_alone(scene: Scene) -> None:
    maintenance, soon = scene.watch.maintenance, scene.begin + timedelta(hours=1)
    window = MaintenanceWindow(maintenance_id=new_id(), party=COURT, text_zh="维护")
    window.start_time.FromDatetime(scene.begin)
    window.end_time.FromDatetime(soon)
    with pytest.raises(PeerNotAllowed):
        await maintenance.announce(window, OPERATOR)
    scene.line.state = replace(
        scene.line.state, beyond=(Capabilities(party=Party.PARTY_JUSTICE, maintenance=[window]),)
    )
    assert maintenance.known() == []
    window.party = Party.PARTY_POLICE
    await maintenance.announce(window, OPERATOR)
    await maintenance.announce(window, OPERATOR)
    assert maintenance.known() == [window]
    scene.passed = timedelta(hours=2)
    assert maintenance.known() == []
    with pytest.raises(StateConflict):
        await maintenance.announce(window, OPERATOR)


async def test_announcements_are_bounded(scene: Scene) -> None:
    maintenance = scene.watch.maintenance
    window = MaintenanceWindow(party=Party.PARTY_POLICE, text_zh="维护")
    window.start_time.FromDatetime(scene.begin)
    window.end_time.FromDatetime(scene.begin + timedelta(hours=1))
    for _ in range(MOST_WINDOWS):
        window.maintenance_id = new_id()
        await maintenance.announce(window, OPERATOR)
    window.text_zh = "改期"  # what is announced may be changed
    await maintenance.announce(window, OPERATOR)
    window.maintenance_id = new_id()
    with pytest.raises(StateConflict):
        await maintenance.announce(window, OPERATOR)
    await maintenance.cancel(maintenance.own[0].maintenance_id, OPERATOR)
    await maintenance.announce(window, OPERATOR)
    assert len(maintenance.known()) == MOST_WINDOWS
