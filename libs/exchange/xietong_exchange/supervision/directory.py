"""The directory: whom to call about a system of a party, and whom instead when nobody is there for that.

The configuration gives it; what operators change stands over that, with who changed it in the log of operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.directory_service_pb2 import Contact, ContactLevel
from xietong_exchange.domain.errors import InvalidField, Violation
from xietong_exchange.domain.identity import Identity
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.contacts import ContactRecord
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.records import Operation, OperationRecord

EXCHANGE = "exchange"
_OUT_OF_REACH = Violation(
    path="contact.reach",
    rule="contact.reach",
    text_en="how to reach the contact must be given",
    text_zh="必须填写联系方式",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The contacts that this node knows."""

    exchange: Exchange
    configured: Sequence[ContactRecord]

    async def contacts(self) -> list[Contact]:
        """All contacts, by party, system and level."""
        async with self.exchange.store.transaction() as tx:
            changed = await tx.contacts.all()
        known = {one.key: one for one in (*self.configured, *changed)}
        return [_contact(known[key]) for key in sorted(known) if not known[key].removed]

    async def put(self, contact: Contact, caller: Identity) -> None:
        """Add a contact, or replace the one of the same party, system, vendor and level.

        Raises InvalidField when it says nothing of how to reach it.
        """
        if not contact.reach.strip():
            raise InvalidField(count=1, violations=(_OUT_OF_REACH,))
        await self._change("put_contact", _record(contact), caller)

    async def remove(self, contact: Contact, caller: Identity) -> None:
        """Remove it."""
        gone = replace(_record(contact), reach="", duty_hours="", removed=True)
        await self._change("remove_contact", gone, caller)

    async def _change(self, operation: Operation, record: ContactRecord, caller: Identity) -> None:
        level = ContactLevel.Name(record.level).removeprefix("CONTACT_LEVEL_").lower()
        done = OperationRecord(
            operation=operation,
            caller=caller.path,
            note=f"{party_name(record.party)}/{record.system}/{record.vendor}/{level}",
            time=self.exchange.clock(),
        )
        async with self.exchange.store.transaction() as tx:
            if record not in await tx.contacts.all():
                await tx.contacts.put(record)
                await tx.operations.append(done)


def _record(contact: Contact) -> ContactRecord:
    return ContactRecord(
        party=contact.party,
        system=contact.system,
        vendor=contact.vendor,
        level=contact.level,
        reach=contact.reach,
        duty_hours=contact.duty_hours,
    )


def _contact(record: ContactRecord) -> Contact:
    return Contact(
        party=record.party,
        system=record.system,
        vendor=record.vendor,
        level=record.level,
        reach=record.reach,
        duty_hours=record.duty_hours,
    )


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
