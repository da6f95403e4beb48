"""Commands for operators about whom to call: contacts list, whom, put, remove."""

from __future__ import annotations

from typing import Annotated

import typer

from xietong.supervision.v1.directory_service_pb2 import Contact, ContactLevel
from xietong_client.cli.lines import party_label
from xietong_client.cli.session import Session
from xietong_client.cli.views import View
from xietong_client.errors import SettingsInvalid
from xietong_client.labels import CONTACT_LEVELS, party_name
from xietong_client.send import party_named
from xietong_client.text import NO_TEXT, Text

OfParty = Annotated[str, typer.Argument(metavar="PARTY", help="Whose system it is.")]
Level = Annotated[str, typer.Option(help="operations or lead.")]
Vendor = Annotated[str, typer.Option(help="The vendor or unit that answers.")]
System = Annotated[str, typer.Argument(metavar="SYSTEM", help="The system; `exchange` is the node.")]
_LEVELS = {CONTACT_LEVELS[level].en: level for level in CONTACT_LEVELS}


async def list_contacts(session: Session) -> None:
    """Lists the whole directory."""
    async with session.operate() as operations:
        found = await operations.directory.contacts()
    _tell(session, found, Text("通讯录是空的。", "the directory is empty."))


async def whom(
    session: Session,
    party: OfParty,
    of_system: Annotated[
        str,
        typer.Argument(metavar="[SYSTEM]", help="The system; `exchange` is the node, none is any system."),
    ] = "",
    *,
    escalated: Annotated[
        bool, typer.Option("--escalated", help="The lead first, as when nobody took notice in time.")
    ] = False,
) -> None:
    """Tells whom to call about a system: the first one first, and who stands in when it has nobody."""
    async with session.operate() as operations:
        found = await operations.directory.whom_to_call(party_named(party), of_system, escalated=escalated)
    _tell(session, found, Text("该单位没有联系人。", "this party has no contact."))


async def put(
    session: Session,
    party: OfParty,
    of_system: System,
    *,
    level: Level,
    reach: Annotated[str, typer.Option(help="How to reach it: a duty telephone or address by role.")],
    vendor: Vendor = "",
    hours: Annotated[str, typer.Option(help="When it is on duty, in words.")] = "",
) -> None:
    """Adds a contact, or replaces the one of the same party, system, vendor and level."""
    contact = _contact(party, of_system, vendor, level)
    contact.reach, contact.duty_hours = reach, hours
    async with session.operate() as operations:
        await operations.directory.put(contact)
    _tell(session, [contact])


async def remove(
    session: Session, party: OfParty, of_system: System, *, level: Level, vendor: Vendor = ""
) -> None:
    """Removes a contact; one that is gone stays gone."""
    contact = _contact(party, of_system, vendor, level)
    async with session.operate() as operations:
        await operations.directory.remove(contact)
        left = await operations.directory.contacts()
    _tell(session, left, Text("通讯录是空的。", "the directory is empty."))


def _contact(party: str, system: str, vendor: str, level: str) -> Contact:
    if (known := _LEVELS.get(level)) is None:
        raise SettingsInvalid(
            reason="USAGE",
            text=Text(f"没有 {level} 这一级别。", f"there is no level {level}."),
            remedy=Text("请填 operations（运维）或 lead（负责人）。", "Use operations or lead."),
        )
    return Contact(party=party_named(party), system=system, vendor=vendor, level=known)


def _tell(session: Session, contacts: list[Contact], nobody: Text = NO_TEXT) -> None:
    session.output.result({"contacts": [contact_view(one) for one in contacts]})
    if not contacts:
        session.output.line(nobody, "yellow")
    for one in contacts:
        session.output.line(contact_line(one))


def contact_line(contact: Contact) -> Text:
    """A contact: whose system, whose vendor, level, how and when to reach it."""
    level, party = CONTACT_LEVELS.get(contact.level, NO_TEXT), party_label(contact.party)
    who = " · ".join(filter(None, (contact.system, contact.vendor)))
    hours = f"  {contact.duty_hours}" if contact.duty_hours else ""
    return Text(
        f"联系：{party.zh} {who}（{level.zh}） {contact.reach}{hours}",
        f"call: {party.en} {who} ({level.en}) {contact.reach}{hours}",
    )


def contact_view(contact: Contact) -> View:
    """A contact."""
    return {
        "party": party_name(contact.party),
        "system": contact.system,
        "vendor": contact.vendor,
        "level": ContactLevel.Name(contact.level).removeprefix("CONTACT_LEVEL_").lower(),
        "reach": contact.reach,
        "duty_hours": contact.duty_hours,
    }
