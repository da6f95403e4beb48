"""Notices over real rows: what is told, once, also after a failure, and never about what is silenced."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.integration.supervision.mailbox import Mailbox
from tests.integration.supervision.scene import OPERATOR, Scene

from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_exchange.supervision.incident_notices import IncidentNews
from xietong_exchange.supervision.notices import Notifier, NotTold


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def notifier(scene: Scene, mailbox: Mailbox) -> Notifier:
    news = [IncidentNews(scene.exchange, scene.desk)]
    return Notifier(exchange=scene.exchange, news=news, endpoint=mailbox, per_minute=600_000)


async def test_an_incident_is_told_from_its_beginning_to_its_end(
    scene: Scene, notifier: Notifier, mailbox: Mailbox
) -> None:
    sent = await scene.sent(fails=True)
    (incident,) = await scene.after(minutes=4)
    for _ in range(2):
        await notifier.tell()
    assert mailbox.what() == ["opened"]
    (event,) = mailbox.taken
    assert (event["specversion"], event["source"]) == ("1.0", "/xietong/police")
    assert (event["subject"], event["id"]) == (incident.incident_id, f"{incident.incident_id}/1")
    assert event["data"]["last_reason"]["code"] == "STORAGE_FULL"
    assert "resending does not help" in event["data"]["advice_en"]
    await scene.after(minutes=5)
    await notifier.tell()
    assert mailbox.what() == ["opened"]  # nothing is new
    await scene.desk.acknowledge(incident.incident_id, "", OPERATOR)
    await notifier.tell()
    await scene.after(minutes=151)
    await notifier.tell()
    await scene.reaches(sent, DeliveryState.DELIVERY_STATE_PARSED)
    await scene.after(minutes=152)
    await notifier.tell()
    assert mailbox.what() == ["opened", "changed", "changed", "closed"]
    assert len({event["id"] for event in mailbox.taken}) == 4


async def test_what_a_dead_endpoint_did_not_take_is_told_later_as_it_then_is(
    scene: Scene, notifier: Notifier, mailbox: Mailbox
) -> None:
    await scene.sent(fails=True)
    await scene.after(minutes=4)
    mailbox.is_dead = True
    for minutes in (5, 151):
        with pytest.raises(NotTold):
            await notifier.tell()
        await scene.after(minutes=minutes)  # the watch does not mind
    assert mailbox.tries == 2
    mailbox.is_dead = False
    await notifier.tell()
    (event,) = mailbox.taken
    assert event["data"]["severity"] == "INCIDENT_SEVERITY_ALARM"
    assert mailbox.what() == ["opened"]


async def test_what_is_silenced_is_told_afterwards(
    scene: Scene, notifier: Notifier, mailbox: Mailbox
) -> None:
    await scene.sent(fails=True)
    (incident,) = await scene.after(minutes=4)
    await scene.desk.silence(incident.incident_id, timedelta(minutes=10), "维护", OPERATOR)
    await notifier.tell()
    assert mailbox.taken == []
    await scene.after(minutes=15)
    await notifier.tell()
    assert mailbox.what() == ["opened"]


async def test_old_news_is_not_told(scene: Scene, notifier: Notifier, mailbox: Mailbox) -> None:
    await scene.sent(fails=True)
    await scene.after(minutes=151)
    scene.passed = timedelta(days=2)
    await notifier.tell()
    assert mailbox.tries == 0
