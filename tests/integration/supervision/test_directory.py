"""The directory over real rows: what operators change stands over the configuration, and who did it is on record."""

from __future__ import annotations

import asyncpg
import pytest
from sqlalchemy import make_url
from tests.integration.supervision.scene import COURT, OPERATOR, Scene

from xietong.supervision.v1.directory_service_pb2 import Contact, ContactLevel
from xietong_exchange.domain.errors import InvalidField
from xietong_exchange.flow.contacts import ContactRecord
from xietong_exchange.supervision.directory import Directory

LEAD = ContactLevel.CONTACT_LEVEL_LEAD
CONFIGURED = ContactRecord(party=COURT, system="exchange", vendor="示例厂商", level=LEAD, reach="0000")
KNOWN = Contact(party=COURT, system="exchange", vendor="示例厂商", level=LEAD, reach="0000")
CHANGED = Contact(
    party=COURT, system="exchange", vendor="示例厂商", level=LEAD, reach="1111", duty_hours="昼夜"
)
OTHER = Contact(party=COURT, system="trial", vendor="示例厂商乙", level=LEAD, reach="2222")


async def test_what_operators_change_stands_over_the_configuration(scene: Scene) -> None:
    directory = Directory(exchange=scene.exchange, configured=[CONFIGURED])
    assert await directory.contacts() == [KNOWN]
    await directory.put(CHANGED, OPERATOR)
    await directory.put(OTHER, OPERATOR)
    assert await directory.contacts() == [CHANGED, OTHER]
    for _ in range(2):
        await directory.remove(KNOWN, OPERATOR)
    assert await directory.contacts() == [OTHER]
    await directory.put(KNOWN, OPERATOR)
    assert await directory.contacts() == [KNOWN, OTHER]


async def test_who_changed_it_is_on_record_once(scene: Scene, postgres_url: str) -> None:
    directory = Directory(exchange=scene.exchange, configured=[])
    for _ in range(2):
        await directory.put(OTHER, OPERATOR)
        await directory.put(OTHER, OPERATOR)
        await directory.remove(OTHER, OPERATOR)
    url = make_url(postgres_url).set(drivername="postgresql")
    ledger = await asyncpg.connect(url.render_as_string(hide_password=False))
    try:
        acts = await ledger.fetch("SELECT operation, caller, note FROM operation_log ORDER BY operation_id")
    finally:
        await ledger.close()
    assert [tuple(act) for act in acts] == [
        (operation, "police/operator", "court/trial/示例厂商乙/lead")
        for operation in ("put_contact", "remove_contact") * 2
    ]


@pytest.mark.parametrize("reach", ["", "  "])
async def test_a_contact_that_cannot_be_reached_is_none(scene: Scene, reach: str) -> None:
    directory = Directory(exchange=scene.exchange, configured=[])
    nobody = Contact()
    nobody.CopyFrom(KNOWN)
    nobody.reach = reach
    with pytest.raises(InvalidField) as refused:
        await directory.put(nobody, OPERATOR)
    assert [one.path for one in refused.value.violations] == ["contact.reach"]
    assert await directory.contacts() == []
