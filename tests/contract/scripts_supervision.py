"""Scripts for the rpcs of those who watch over the exchange."""

from __future__ import annotations

import asyncio
import uuid
from typing import cast

from tests.contract.every_rpc import (
    CLOCKS,
    COURT,
    DIRECTORY,
    INCIDENTS,
    MAINTENANCE,
    OPERATOR,
    POLICE_OPERATOR,
    PROBLEMS,
    RPCS,
    SYSTEM,
    TRANSFER,
    Rpc,
    Scripts,
    World,
)

from xietong.exchange.v1 import problem_pb2
from xietong.exchange.v1 import transfer_service_pb2 as transfer
from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong.exchange.v1.maintenance_pb2 import MaintenanceWindow
from xietong.supervision.v1 import clock_service_pb2 as clocks
from xietong.supervision.v1 import directory_service_pb2 as directory
from xietong.supervision.v1 import incident_pb2
from xietong.supervision.v1 import incident_service_pb2 as pb
from xietong.supervision.v1 import maintenance_service_pb2 as maintenance
from xietong.supervision.v1 import problem_service_pb2 as problems

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


@SCRIPTS.calls(CLOCKS, "GetCaseClocks", OPERATOR)
async def get_case_clocks(rpc: Rpc, world: World) -> None:
    case_id = Envelope.FromString(world.delivered.envelope.envelope).collaboration_case_id
    (answer,) = await rpc(clocks.GetCaseClocksRequest(collaboration_case_id=case_id))
    assert answer.package_count == 1
    assert {clock.phase for one in answer.persons for clock in one.clocks} <= {
        clocks.CLOCK_PHASE_NOT_OBSERVED,
        clocks.CLOCK_PHASE_RUNNING,
        clocks.CLOCK_PHASE_PASSED,
        clocks.CLOCK_PHASE_WARNING,
        clocks.CLOCK_PHASE_ENDED,
    }
    assert all(clock.basis_zh for one in answer.persons for clock in one.clocks)


@SCRIPTS.calls(CLOCKS, "ListDeadlines", OPERATOR)
async def list_deadlines(rpc: Rpc, world: World) -> None:
    request = clocks.ListDeadlinesRequest(
        party=Party.PARTY_PROCURATORATE, phases=[clocks.CLOCK_PHASE_RUNNING], within_days=3660
    )
    (answer,) = await rpc(request)
    assert not answer.is_filling
    assert all(one.days_left >= 0 for one in answer.deadlines)


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


async def reported(rpc: Rpc, world: World) -> problems.Problem:
    """A problem of the police with the package that was delivered."""
    channel = await world.city.channel(*SYSTEM)
    reporting = Rpc(RPCS[f"xietong.{PROBLEMS}/ReportProblem"], channel)
    request = problems.ReportProblemRequest(
        report_id=str(uuid.uuid4()),
        package_id=world.delivered.package_id,
        kind=problem_pb2.PROBLEM_KIND_SEAL_NOT_SHOWN,
        part=1,
        text="签章不显示",
    )
    (answer,) = await reporting(request)
    return cast(problems.Problem, answer.problem)


@SCRIPTS.calls(PROBLEMS, "ReportProblem", SYSTEM)
async def report_problem(rpc: Rpc, world: World) -> None:
    problem = await reported(rpc, world)
    assert problem.state == problems.PROBLEM_STATE_OPEN
    request = problems.ReportProblemRequest(
        report_id=problem.report_id, package_id=problem.package_id, kind=problem.kind
    )
    (again,) = await rpc(request)
    assert again.problem == problem


@SCRIPTS.calls(PROBLEMS, "ListProblems", POLICE_OPERATOR)
async def list_problems(rpc: Rpc, world: World) -> None:
    problem = await reported(rpc, world)
    (page,) = await rpc(problems.ListProblemsRequest(package_id=problem.package_id, page_size=1))
    assert list(page.problems) == [problem]


@SCRIPTS.calls(PROBLEMS, "GetProblem", POLICE_OPERATOR)
async def get_problem(rpc: Rpc, world: World) -> None:
    problem = await reported(rpc, world)
    (answer,) = await rpc(problems.GetProblemRequest(report_id=problem.report_id))
    (note,) = answer.notes
    assert (note.text, note.part, note.caller) == ("签章不显示", 1, "police/system/case-handling")


@SCRIPTS.calls(PROBLEMS, "AddNote", POLICE_OPERATOR)
async def add_note(rpc: Rpc, world: World) -> None:
    problem = await reported(rpc, world)
    request = problems.AddNoteRequest(
        report_id=problem.report_id, note_id=str(uuid.uuid4()), act=problem_pb2.PROBLEM_ACT_CLOSED
    )
    (answer,) = await rpc(request)
    assert answer.problem.state == problems.PROBLEM_STATE_CLOSED
    (again,) = await rpc(request)
    assert again.problem.state == problems.PROBLEM_STATE_CLOSED


@SCRIPTS.calls(TRANSFER, "DeliverNotes", COURT)
async def deliver_notes(rpc: Rpc, world: World) -> None:
    package = await world.brought()
    note = problem_pb2.ProblemNote(
        note_id=str(uuid.uuid4()),
        report_id=str(uuid.uuid4()),
        package_id=package.package_id,
        kind=problem_pb2.PROBLEM_KIND_OTHER,
        reported_by=Party.PARTY_COURT,
        act=problem_pb2.PROBLEM_ACT_PASSED,
        stated_by=Party.PARTY_COURT,
    )
    note.note_time.GetCurrentTime()
    signed = world.court.note(note)
    for _ in range(2):
        (answer,) = await rpc(transfer.DeliverNotesRequest(notes=[signed]))
        assert list(answer.results) == [transfer.NoteResult()]


def window_of_hub() -> MaintenanceWindow:
    """Two hours of the hub's node that begin tomorrow, so that nothing is silenced."""
    window = MaintenanceWindow(maintenance_id=str(uuid.uuid4()), party=Party.PARTY_HUB, text_zh="更换磁盘")
    window.start_time.GetCurrentTime()
    window.start_time.seconds += 86_400
    window.end_time.seconds = window.start_time.seconds + 7_200
    return window


async def announced(rpc: Rpc) -> maintenance.ListMaintenanceResponse:
    (listed,) = await Rpc(RPCS[f"xietong.{MAINTENANCE}/ListMaintenance"], rpc.channel)(
        maintenance.ListMaintenanceRequest()
    )
    return cast(maintenance.ListMaintenanceResponse, listed)


@SCRIPTS.calls(MAINTENANCE, "AnnounceMaintenance", OPERATOR)
async def announce_maintenance(rpc: Rpc, world: World) -> None:
    window = window_of_hub()
    for _ in range(2):
        await rpc(maintenance.AnnounceMaintenanceRequest(window=window))
    listed = await announced(rpc)
    assert list(listed.windows).count(window) == 1
    assert window.maintenance_id in listed.own_ids
    told = await world.court.stub.GetCapabilities(transfer.GetCapabilitiesRequest())
    assert window in told.capabilities.maintenance


@SCRIPTS.calls(MAINTENANCE, "ListMaintenance", OPERATOR)
async def list_maintenance(rpc: Rpc, world: World) -> None:
    (listed,) = await rpc(maintenance.ListMaintenanceRequest())
    starts = [one.start_time.seconds for one in listed.windows]
    assert starts == sorted(starts)


@SCRIPTS.calls(MAINTENANCE, "CancelMaintenance", OPERATOR)
async def cancel_maintenance(rpc: Rpc, world: World) -> None:
    window = window_of_hub()
    await Rpc(RPCS[f"xietong.{MAINTENANCE}/AnnounceMaintenance"], rpc.channel)(
        maintenance.AnnounceMaintenanceRequest(window=window)
    )
    for _ in range(2):
        await rpc(maintenance.CancelMaintenanceRequest(maintenance_id=window.maintenance_id))
    assert window.maintenance_id not in (await announced(rpc)).own_ids
