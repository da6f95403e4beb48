"""Checks what holds between the processes of an edition, once all of them are read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from xietong_standard.catalogue import Content, Round
from xietong_standard.model import ANY_PROCESS, PartyRole, Process
from xietong_standard.source import Entry, Problem


def check_references(processes: Mapping[str, Process], places: Mapping[str, Entry]) -> list[Problem]:
    """Mistakes between processes, each at the place of the process that makes it."""
    return [
        places[process.code].problem(f"{process.code}: {reason}")
        for process in processes.values()
        for reason in (
            *_answers(process, processes),
            *_parties(process),
            *_systems(process),
            *_certainty(process),
        )
    ]


def check_rounds(
    processes: Mapping[str, Process],
    places: Mapping[str, Entry],
    rounds: Iterable[tuple[Round, Entry]],
) -> list[Problem]:
    """Processes that answer each other in a circle, except in the rounds that the edition knows."""
    problems = []
    circles = {circle for code in processes if len(circle := _circle(code, processes)) > 1}
    known = set()
    for round_, place in rounds:
        members = frozenset(round_.processes)
        known.add(members)
        if members not in circles:
            problems.append(place.problem(f"{', '.join(sorted(members))} do not answer each other in turn"))
    for circle in sorted(circles - known, key=min):
        first = min(circle)
        named = ", ".join(sorted(circle))
        reason = f"{first}: {named} answer each other in a circle; edition.yaml names no such round"
        problems.append(places[first].problem(reason))
    return problems


def _circle(code: str, processes: Mapping[str, Process]) -> frozenset[str]:
    """The processes that the process answers over any number of steps, and that answer it."""
    return frozenset(other for other in _answered(code, processes) if code in _answered(other, processes)) | {
        code
    }


def _answered(code: str, processes: Mapping[str, Process]) -> set[str]:
    found: set[str] = set()
    waiting = [code]
    while waiting:
        # What is not a process, and what answers anything, is reported or meant elsewhere.
        for answered in processes[waiting.pop()].answers:
            if answered in processes and answered not in found:
                found.add(answered)
                waiting.append(answered)
    return found


def _answers(process: Process, processes: Mapping[str, Process]) -> Iterator[str]:
    for code in process.answers:
        if code == ANY_PROCESS:
            if not process.technical:
                yield "only a technical process may answer any process"
            continue
        answered = processes.get(code)
        if answered is None:
            yield f"it answers '{code}', which is not a process of this edition"
        elif code == process.code:
            yield "it answers itself"


def _parties(process: Process) -> Iterator[str]:
    if not process.senders:
        yield "it has no sender"
    if not process.receivers.roles:
        yield "it has no receiver"


def _systems(process: Process) -> Iterator[str]:
    for contribution in process.contributions:
        system = contribution.system
        if not any(_is_of(role, system.party, system.id) for role in process.senders):
            yield f"system '{system.id}' contributes, but {system.party} does not send"
    if not process.contributions:
        return
    giving = [c.system for c in process.contributions if Content.DATA in c.contents]
    for role in process.senders:
        for party in sorted(role.parties):
            if not any(_is_of(role, system.party, system.id) and system.party == party for system in giving):
                yield f"no system of {party} contributes {Content.DATA}"


def _is_of(role: PartyRole, party: str, system: str) -> bool:
    """Whether the system may bring something for this sender: its own organ's, where the sender is an organ apart."""
    return party in role.parties and role.system in ("", system)


def _certainty(process: Process) -> Iterator[str]:
    if not {"unsure", "practice"}.isdisjoint(process.provenance) and not process.unsure:
        yield "its provenance is unsure, but 'unsure' does not say what is"
