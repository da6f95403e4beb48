"""The directory: whom to call about a system of a party, and whom instead when nobody is there for that."""

from __future__ import annotations

from collections.abc import Sequence

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.directory_service_pb2 import Contact, ContactLevel

EXCHANGE = "exchange"


def whom_to_call(
    contacts: Sequence[Contact], party: Party.ValueType, system: str, *, escalated: bool = False
) -> list[Contact]:
    """The contacts for a system, the first one to call first; empty when the party has none.

    Args:
        contacts: the directory.
        party: whose system it is.
        system: its name, `exchange` for the node, empty for any business system.
        escalated: the lead comes before operations.

    Operations come first, the lead after them; a system may have only one of both. Of a system that has neither, the
    others of the party answer: those of its node last for a business system.
    """
    of_party = [one for one in contacts if one.party == party]
    return sorted(of_party, key=lambda one: (_distance(one, system), _rank(one, escalated=escalated)))


def _distance(contact: Contact, system: str) -> int:
    """How far a contact is from the system that is asked for."""
    is_node = contact.system == EXCHANGE
    if contact.system == system or (not system and not is_node):
        return 0
    return 2 if is_node else 1


def _rank(contact: Contact, *, escalated: bool) -> int:
    is_lead = contact.level == ContactLevel.CONTACT_LEVEL_LEAD
    return int(is_lead is not escalated)
