"""Builds an Edition from its YAML files, or says in which file and line it is wrong.

All files are read before anything is raised, so that one run names every mistake.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from functools import lru_cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from xietong_standard.catalogue import BusinessSystem, CodeTable, Round
from xietong_standard.catalogue_reader import (
    CODE_TABLES_FOLDER,
    read_code_tables,
    read_external_tables,
    read_rounds,
    read_systems,
)
from xietong_standard.clocks.calendar_reader import CALENDAR_FOLDER, read_calendar
from xietong_standard.clocks.model import Clocks
from xietong_standard.clocks.reader import ClockReader
from xietong_standard.clocks.references import check_clocks, check_triggers
from xietong_standard.clocks.trigger_reader import TriggerReader, read_events
from xietong_standard.lifecycle.model import Lifecycle
from xietong_standard.lifecycle.reader import read_lifecycle
from xietong_standard.model import Edition, EditionStatus, Law, OpenPoint, Process
from xietong_standard.process_reader import ProcessReader, read_open_point
from xietong_standard.references import check_references, check_rounds
from xietong_standard.source import EditionError, Entry, Problem, read_yaml
from xietong_standard.text import Text
from xietong_standard.vocabulary import Vocabulary, items_of, read_text

EDITIONS_FOLDER = Path(__file__).parent / "editions"

_EDITION_ID = re.compile(r"[0-9]{4}\.[0-9]{1,3}")
# A node holds the editions that it reads; more than a few are never in use side by side.
_MOST_EDITIONS_IN_MEMORY = 16

_Result = TypeVar("_Result")


def available_editions(root: Path = EDITIONS_FOLDER) -> tuple[str, ...]:
    """Ids of the editions below `root`, oldest first."""
    found = [folder.name for folder in root.iterdir() if _EDITION_ID.fullmatch(folder.name)]
    return tuple(sorted(found, key=lambda name: [int(number) for number in name.split(".")]))


@lru_cache(maxsize=_MOST_EDITIONS_IN_MEMORY)
def load_edition(edition_id: str, root: Path = EDITIONS_FOLDER) -> Edition:
    """Reads an edition, for example `2026.1`; later calls return the same object.

    A root of one's own may leave out `code_tables` or `calendar`: those that are installed serve it, too.

    Raises EditionError with every mistake by file, line and reason; also when there is no such edition.
    """
    if not _EDITION_ID.fullmatch(edition_id) or not (root / edition_id).is_dir():
        known = ", ".join(available_editions(root)) or "none"
        raise EditionError(
            [Problem("editions", 1, f"there is no edition '{edition_id}'; installed: {known}")]
        )
    return _EditionBuilder(edition_id, root).build()


class _Head(NamedTuple):
    effective_date: date
    status: EditionStatus
    laws: dict[str, Law]
    code_tables: dict[str, CodeTable]
    external_code_tables: dict[str, Text]
    rounds: tuple[tuple[Round, Entry], ...]
    unsure: tuple[OpenPoint, ...]


class _Rules(NamedTuple):
    clocks: Clocks
    lifecycle: Lifecycle


class _EditionBuilder:
    def __init__(self, edition_id: str, root: Path) -> None:
        self._id = edition_id
        self._root = root
        self._problems: list[Problem] = []
        self._places: dict[str, Entry] = {}

    def build(self) -> Edition:
        folder = self._root / self._id
        head = self._try(lambda: self._read_head(folder / "edition.yaml"))
        kinds = self._try(lambda: self._read_document_kinds(folder / "documents.yaml"))
        systems = self._try(lambda: self._read_systems(folder / "systems.yaml"))
        if head is None or kinds is None or systems is None:
            raise EditionError(self._problems)
        vocabulary = Vocabulary(head.laws, kinds, systems, head.code_tables)
        processes = self._read_processes(folder / "processes", ProcessReader(vocabulary))
        self._problems += check_references(processes, self._places)
        self._problems += check_rounds(processes, self._places, head.rounds)
        rules = self._try(lambda: self._read_rules(folder, vocabulary, processes))
        calendar = self._try(lambda: read_calendar(_home(self._root, CALENDAR_FOLDER)))
        if self._problems or rules is None or calendar is None:
            raise EditionError(self._problems)
        return Edition(
            id=self._id,
            effective_date=head.effective_date,
            status=head.status,
            laws=MappingProxyType(head.laws),
            document_kinds=MappingProxyType(kinds),
            systems=MappingProxyType(systems),
            code_tables=MappingProxyType(head.code_tables),
            external_code_tables=MappingProxyType(head.external_code_tables),
            processes=MappingProxyType(processes),
            rounds=tuple(round_ for round_, _ in head.rounds),
            clocks=rules.clocks,
            lifecycle=rules.lifecycle,
            calendar=calendar,
            unsure=head.unsure,
        )

    def _try(self, read: Callable[[], _Result]) -> _Result | None:
        try:
            return read()
        except EditionError as error:
            self._problems += error.problems
            return None

    def _read_head(self, path: Path) -> _Head:
        fields = read_yaml(path, self._root).fields(
            ("id", "effective_date", "status", "laws"),
            ("code_tables", "external_code_tables", "rounds", "unsure"),
        )
        if fields["id"].text() != self._id:
            fields["id"].fail(f"the folder is '{self._id}', the edition says '{fields['id'].text()}'")
        return _Head(
            effective_date=_read_date(fields["effective_date"]),
            status=EditionStatus(fields["status"].choice([status.value for status in EditionStatus])),
            laws={key.text(): _read_law(key.text(), value) for key, value in fields["laws"].pairs()},
            code_tables=read_code_tables(fields["code_tables"], _home(self._root, CODE_TABLES_FOLDER))
            if "code_tables" in fields
            else {},
            external_code_tables=read_external_tables(fields.get("external_code_tables")),
            rounds=read_rounds(fields.get("rounds")),
            unsure=tuple(read_open_point(item) for item in items_of(fields.get("unsure"))),
        )

    def _read_document_kinds(self, path: Path) -> dict[str, Text]:
        kinds: dict[str, Text] = {}
        for key, value in read_yaml(path, self._root).pairs():
            kinds[key.text()] = Text(key.text(), value.text())
        return kinds

    def _read_systems(self, path: Path) -> dict[str, BusinessSystem]:
        return read_systems(read_yaml(path, self._root)) if path.is_file() else {}

    def _read_processes(self, folder: Path, reader: ProcessReader) -> dict[str, Process]:
        files = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
        if not files:
            name = folder.relative_to(self._root).as_posix()
            self._problems.append(Problem(name, 1, "the edition has no processes"))
        processes: dict[str, Process] = {}
        for entry, stage in [found for file in files for found in self._read_stage(file)]:
            process = self._try(partial(reader.read, entry, stage))
            if process is None:
                continue
            if process.code in processes:
                first = self._places[process.code]
                reason = f"process '{process.code}' is already in {first.file}, line {first.line}"
                self._problems.append(entry.problem(reason))
                continue
            processes[process.code] = process
            self._places[process.code] = entry
        return processes

    def _read_rules(self, folder: Path, vocabulary: Vocabulary, processes: dict[str, Process]) -> _Rules:
        """What rests on dated events: clocks and lifecycle."""
        triggers = TriggerReader(read_events(read_yaml(folder / "events.yaml", self._root), vocabulary))
        reader = ClockReader(vocabulary, triggers)
        clocks = reader.read(read_yaml(folder / "clocks.yaml", self._root))
        lifecycle = read_lifecycle(
            read_yaml(folder / "lifecycle.yaml", self._root), vocabulary, triggers, processes
        )
        if (
            not self._problems
        ):  # a process that could not be read would be named again wherever a rule names it
            self._problems += check_clocks(clocks, reader.items, processes, self._places)
            self._problems += check_triggers(triggers, processes, self._places)
        return _Rules(clocks, lifecycle)

    def _read_stage(self, file: Path) -> list[tuple[Entry, Text]]:
        """The entries of a file of processes, each with the stage that the file is about."""

        def read() -> list[tuple[Entry, Text]]:
            fields = read_yaml(file, self._root).fields(("stage", "processes"))
            stage = read_text(fields["stage"])
            return [(entry, stage) for entry in fields["processes"].items()]

        return self._try(read) or []


def _home(root: Path, folder: str) -> Path:
    """The root that has this folder: the given one, else the installed one."""
    return root if (root / folder).is_dir() else EDITIONS_FOLDER


def _read_law(law_id: str, entry: Entry) -> Law:
    fields = entry.fields(("zh", "en", "version", "read"))
    title = Text(fields["zh"].text(), fields["en"].text())
    return Law(law_id, title, fields["version"].text(), fields["read"].flag())


def _read_date(entry: Entry) -> date:
    try:
        return date.fromisoformat(entry.text())
    except ValueError:
        entry.fail(f"'{entry.text()}' is not a date of the form YYYY-MM-DD")
