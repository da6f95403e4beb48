"""The directory: whom to call, in which order, and operators changing it."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.directory_service_pb2 import Contact
from xietong_client.labels import CONTACT_LEVELS, PARTIES, party_by_name
from xietong_console.node import answer_of, failures_of
from xietong_console.refusals import Fields
from xietong_console.web.acts import carry_out
from xietong_console.web.console import console_of
from xietong_console.web.rendering import page
from xietong_console.web.security import Act, Viewer

router = APIRouter()
PATH = "/operations/contacts"
MOST_ADDRESS_LETTERS = 4000
"""Of an address: the longest contact that there can be has half of it, and browsers give up far above."""


@router.get(PATH)
async def show_contacts(
    request: Request,
    _session: Viewer,
    party: str = "",
    system: str = "",
    vendor: str = "",
    level: str = "",
    done: str = "",
) -> Response:
    """All contacts, and one of them to be changed; or whom to call about a system, when no level is given."""
    directory, of = console_of(request).node.directory, party_by_name(party)
    all_of_them = answer_of(directory.contacts)
    if of is None or level:
        found, called = await all_of_them, None
    else:
        found, called = await asyncio.gather(all_of_them, answer_of(directory.whom_to_call, of, system))
    chosen = [one for one in found.value or [] if _key(one) == (of, system, vendor, level)]
    values: dict[str, Any] = {
        "contacts": found.value,
        "chosen": chosen[0] if chosen else None,
        "called": called.value if called is not None else None,
        "party": of,
        "system": system,
        "parties": PARTIES,
        "levels": CONTACT_LEVELS,
        "done": done if done in ("put", "remove") else "",
    }
    return page(request, "contacts.html", failures=failures_of(found, called), **values)


@router.post(PATH)
async def put_contact(request: Request, form: Act) -> Response:
    """Add a contact, or change the one of this party, system, vendor and level."""
    contact = _contact(form)
    contact.reach, contact.duty_hours = (form.get(name, "").strip() for name in ("reach", "duty_hours"))
    put = partial(console_of(request).node.directory.put, contact)
    return await carry_out(request, form, put, back=_back(form), onward=lambda _: f"{PATH}?done=put")


@router.post(f"{PATH}/remove")
async def remove_contact(request: Request, form: Act) -> Response:
    """Retire a contact."""
    removed = partial(console_of(request).node.directory.remove, _contact(form))
    return await carry_out(request, form, removed, back=PATH, onward=lambda _: f"{PATH}?done=remove")


def _key(contact: Contact) -> tuple[Party.ValueType, str, str, str]:
    return contact.party, contact.system, contact.vendor, str(int(contact.level))


def _contact(form: Fields) -> Contact:
    party = party_by_name(form.get("party", ""))
    level = next((each for each in CONTACT_LEVELS if str(int(each)) == form.get("level")), None)
    if party is None or level is None:
        raise HTTPException(400)
    system, vendor = (form.get(name, "").strip() for name in ("system", "vendor"))
    return Contact(party=party, system=system, vendor=vendor, level=level)


def _back(form: Fields) -> str:
    """The page with the form: of the contact that is changed, or of a new one."""
    key = urlencode({name: form.get(name, "") for name in ("party", "system", "vendor", "level")})
    is_chosen = form.get("changed") and len(key) <= MOST_ADDRESS_LETTERS
    return f"{PATH}?{key}" if is_chosen else PATH
