"""Whom to call: the system's own operations first, then its lead, then whoever else of the party there is."""

from __future__ import annotations

import pytest

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.directory_service_pb2 import Contact, ContactLevel
from xietong_exchange.supervision.directory import whom_to_call

COURT, POLICE = Party.PARTY_COURT, Party.PARTY_POLICE
OPERATIONS, LEAD = ContactLevel.CONTACT_LEVEL_OPERATIONS, ContactLevel.CONTACT_LEVEL_LEAD
CONTACTS = [
    Contact(party=COURT, system="trial", level=LEAD, vendor="乙"),
    Contact(party=COURT, system="exchange", level=LEAD, vendor="甲"),
    Contact(party=COURT, system="archive", level=OPERATIONS, vendor="丙"),
    Contact(party=COURT, system="exchange", level=OPERATIONS, vendor="甲"),
]


@pytest.mark.parametrize(
    ("system", "escalated", "wanted"),
    [
        ("exchange", False, ["exchange/1", "exchange/2", "archive/1", "trial/2"]),
        ("exchange", True, ["exchange/2", "exchange/1", "trial/2", "archive/1"]),
        ("trial", False, ["trial/2", "archive/1", "exchange/1", "exchange/2"]),  # it has only a lead
        ("nobody", False, ["archive/1", "trial/2", "exchange/1", "exchange/2"]),
        ("", False, ["archive/1", "trial/2", "exchange/1", "exchange/2"]),
    ],
)
def test_whom_to_call(system: str, escalated: bool, wanted: list[str]) -> None:
    found = whom_to_call(CONTACTS, COURT, system, escalated=escalated)
    assert [f"{one.system}/{one.level}" for one in found] == wanted


def test_of_a_party_without_contacts_nobody_is_named() -> None:
    assert whom_to_call(CONTACTS, POLICE, "exchange") == []
