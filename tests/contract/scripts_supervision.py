"""Scripts for the rpcs of those who watch over the exchange."""

from __future__ import annotations

import asyncio
from typing import cast

from tests.contract.every_rpc import DIRECTORY, INCIDENTS, OPERATOR, RPCS, Rpc, Scripts, World

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1 import directory_service_pb2 as directory
from xietong.supervision.v1 import incident_pb2
from xietong.supervision.v1 import incident_service_pb2 as pb

SCRIPTS = Scripts()
COURT_DESK = directory.Contact(
    party=Party.PARTY_COURT,
    system="exchange",
    vendor="示例厂商乙",
    level=directory.CONTACT_LEVEL_OPERATIONS,
    reach="值班电话 0001",
)


async def court_is_away(rpc: Rpc) -> incident_pb2.Incident:
    """The incident about the court, where nobody listens."""
    listing = Rpc(RPCS[f"xietong.{INCIDENTS}/ListIncidents"], rpc.channel)
    while True:
        (page,) = await listing(pb.ListIncidentsRequest(page_size=500))
        found = [one for one in page.incidents if one.hop == Party.PARTY_COURT]
        if found:
            return cast(incident_pb2.Incident, found[0])
        await asyncio.sleep(0.05)


@SCRIPTS.calls(INCIDENTS, "ListIncidents", OPERATOR)
async def list_incidents(rpc: Rpc, world: World) -> None:
    away = await court_is_away(rpc)
    assert away.kind == incident_pb2.INCIDENT_KIND_NEIGHBOUR_AWAY
    request = pb.ListIncidentsRequest(states=[away.state], package_id=world.delivered.package_id)
    (page,) = await rpc(request)
    assert list(page.incidents) == []


@SCRIPTS.calls(INCIDENTS, "GetIncident", OPERATOR)
async def get_incident(rpc: Rpc, world: World) -> None:
    away = await court_is_away(rpc)
    (answer,) = await rpc(pb.GetIncidentRequest(incident_id=away.incident_id))
    assert answer.incident.text_en.startswith("the node of the court does not answer")
    assert "resending does not help" in answer.incident.advice_en


@SCRIPTS.calls(INCIDENTS, "AcknowledgeIncident", OPERATOR)
async def acknowledge_incident(rpc: Rpc, world: World) -> None:
    away = await court_is_away(rpc)
    (answer,) = await rpc(pb.AcknowledgeIncidentRequest(incident_id=away.incident_id, note="已知"))
    assert answer.incident.state == incident_pb2.INCIDENT_STATE_ACKNOWLEDGED
    assert answer.incident.acknowledged_by == "hub/operator"


@SCRIPTS.calls(INCIDENTS, "AssignIncident", OPERATOR)
async def assign_incident(rpc: Rpc, world: World) -> None:
    away = await court_is_away(rpc)
    (answer,) = await rpc(pb.AssignIncidentRequest(incident_id=away.incident_id, assignee="值班"))
    assert answer.incident.assignee == "值班"


@SCRIPTS.calls(INCIDENTS, "SilenceIncident", OPERATOR)
async def silence_incident(rpc: Rpc, world: World) -> None:
    away = await court_is_away(rpc)
    (answer,) = await rpc(pb.SilenceIncidentRequest(incident_id=away.incident_id, minutes=60))
    assert answer.incident.silence_until_time.seconds > away.open_time.seconds


@SCRIPTS.calls(INCIDENTS, "GetArrival", OPERATOR)
async def get_arrival(rpc: Rpc, world: World) -> None:
    (answer,) = await rpc(pb.GetArrivalRequest(package_id=world.delivered.package_id))
    assert answer.punctuality != pb.PUNCTUALITY_UNSPECIFIED
    assert answer.due_time.seconds - answer.submit_time.seconds == 9000


@SCRIPTS.calls(DIRECTORY, "ListContacts", OPERATOR)
async def list_contacts(rpc: Rpc, world: World) -> None:
    (answer,) = await rpc(directory.ListContactsRequest())
    (contact,) = [one for one in answer.contacts if one.party == Party.PARTY_POLICE]
    assert (contact.system, contact.vendor) == ("exchange", "示例厂商")
    assert contact.level == directory.CONTACT_LEVEL_LEAD


@SCRIPTS.calls(DIRECTORY, "PutContact", OPERATOR)
async def put_contact(rpc: Rpc, world: World) -> None:
    await rpc(directory.PutContactRequest(contact=COURT_DESK))
    listing = Rpc(RPCS[f"xietong.{DIRECTORY}/ListContacts"], rpc.channel)
    (answer,) = await listing(directory.ListContactsRequest())
    assert COURT_DESK in answer.contacts


@SCRIPTS.calls(DIRECTORY, "RemoveContact", OPERATOR)
async def remove_contact(rpc: Rpc, world: World) -> None:
    await rpc(directory.RemoveContactRequest(contact=COURT_DESK))
    listing = Rpc(RPCS[f"xietong.{DIRECTORY}/ListContacts"], rpc.channel)
    (answer,) = await listing(directory.ListContactsRequest())
    assert COURT_DESK not in answer.contacts


@SCRIPTS.calls(DIRECTORY, "WhomToCall", OPERATOR)
async def whom_to_call(rpc: Rpc, world: World) -> None:
    (answer,) = await rpc(directory.WhomToCallRequest(party=Party.PARTY_POLICE, system="case-handling"))
    assert [one.vendor for one in answer.contacts] == ["示例厂商"]  # nobody but the node's lead is known
