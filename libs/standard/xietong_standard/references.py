"""Checks what holds between the processes of an edition, once all of them are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from xietong_standard.model import ANY_PROCESS, Process
from xietong_standard.source import Entry, Problem


def check_references(processes: Mapping[str, Process], places: Mapping[str, Entry]) -> list[Problem]:
    """Mistakes between processes, each at the place of the process that makes it."""
    return [
        places[process.code].problem(f"{process.code}: {reason}")
        for process in processes.values()
        for reason in (*_answers(process, processes), *_parties(process), *_certainty(process))
    ]


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


def _certainty(process: Process) -> Iterator[str]:
    if not {"unsure", "practice"}.isdisjoint(process.provenance) and not process.unsure:
        yield "its provenance is unsure, but 'unsure' does not say what is"
