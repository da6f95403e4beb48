"""What an edition still lacks: whether each process is complete, computed from what it says, and the counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from xietong_standard.model import Edition, Process
from xietong_standard.text import Text

_NO_DOCUMENT = Text("没有必备文书", "no required document")
_NO_FIELD = Text("没有必填字段", "no required field")
_NO_CONTRIBUTION = Text("未说明由哪个系统提供", "it is not said which system contributes what")
_NO_CLOCKS = Text("未说明对办案期限的影响", "it is not said what it does to clocks")
_NO_SUPERVISION = Text(
    "未说明信封须载的监督信息", "it is not said what the envelope's supervision part carries"
)
_NO_TIME_LIMIT = Text("未说明期限", "nothing is said on its time limit")
_NO_BASIS = Text("没有依据，也未说明原因", "no legal basis, and no reason why")


def gaps(process: Process) -> tuple[Text, ...]:
    """What the process does not say yet; a process without gaps is complete. What is unsure is not a gap."""
    common = _NO_TIME_LIMIT if process.time_limit is None else None
    found = [common] if process.technical else [common, *_gaps_of_package(process)]
    return tuple(gap for gap in found if gap is not None)


def _gaps_of_package(process: Process) -> Iterator[Text | None]:
    yield None if process.required_documents else _NO_DOCUMENT
    yield None if process.fields else _NO_FIELD
    yield None if process.contributions else _NO_CONTRIBUTION
    yield _NO_CLOCKS if process.clocks is None else None
    yield _NO_SUPERVISION if process.supervision is None else None
    yield None if process.basis or any(point.item == "basis" for point in process.unsure) else _NO_BASIS
    for key in process.key_fields:
        if not key.paths:
            zh, en = key.name.zh, key.name.en
            yield Text(f"“{zh}”在清单中没有位置", f"the manifest has no place for '{en}'")


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts of an edition. `unsure` counts every point that an authority has yet to confirm."""

    processes: int
    complete: int
    first_release: int
    first_release_complete: int
    technical: int
    required_fields: int
    clocks: int
    code_tables: int
    laws: int
    laws_read: int
    unsure: int


def statistics(edition: Edition) -> Statistics:
    """Counts what the edition holds."""
    processes = tuple(edition.processes.values())
    first = [process for process in processes if process.priority == 1]
    return Statistics(
        processes=len(processes),
        complete=sum(not gaps(process) for process in processes),
        first_release=len(first),
        first_release_complete=sum(not gaps(process) for process in first),
        technical=sum(process.technical for process in processes),
        required_fields=sum(len(process.fields) for process in processes),
        clocks=len(edition.clocks.items),
        code_tables=len(edition.code_tables),
        laws=len(edition.laws),
        laws_read=sum(law.read for law in edition.laws.values()),
        unsure=len(unsure_points(edition)),
    )


def unsure_points(edition: Edition) -> tuple[tuple[str, Text], ...]:
    """Every point that an authority has yet to confirm, and where it stands."""
    found = [(f"edition {point.item}", point.note) for point in edition.unsure]
    found += [
        (f"system {system.id}", system.note)
        for system in edition.systems.values()
        if "unsure" in system.provenance and system.note is not None
    ]
    found += [
        (f"code table {table.id}", table.source)
        for table in edition.code_tables.values()
        if "unsure" in table.provenance
    ]
    for process in edition.processes.values():
        found += [(f"{process.code} {point.item}", point.note) for point in process.unsure]
    found += [(f"lifecycle {point.item}", point.note) for point in edition.lifecycle.unsure]
    for clock in edition.clocks.items.values():
        found += [(f"{clock.id} {point.item}", point.note) for point in clock.unsure]
    found += [
        (f"calendar {year.year}", year.source)
        for year in edition.calendar.years.values()
        if not year.official
    ]
    return tuple(found)
