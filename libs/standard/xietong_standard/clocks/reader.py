"""Reads clocks.yaml: the schema of switches and clock items, key by key."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from xietong_standard.clocks.model import (
    ClockItem,
    ClockKind,
    Clocks,
    Exclusion,
    Extension,
    Holidays,
    Limit,
    Prohibition,
    Switch,
    WarningLead,
)
from xietong_standard.clocks.terms import Term, TermError
from xietong_standard.clocks.trigger_reader import TRIGGER_PARTIES, TriggerReader
from xietong_standard.model import Party
from xietong_standard.process_reader import read_open_point
from xietong_standard.source import Entry
from xietong_standard.text import Text
from xietong_standard.vocabulary import Vocabulary, items_of, read_provenance, read_text

# Who may grant an extension (批准机关).
APPROVERS = MappingProxyType(
    {
        "police_head": Text("县级以上公安机关负责人", "head of the police organ at county level or above"),
        "procuratorate_head": Text("检察长", "chief procurator"),
        "upper_procuratorate": Text("上一级人民检察院", "procuratorate one level up"),
        "provincial_procuratorate": Text("省级人民检察院", "procuratorate of the province"),
        "court_president": Text("法院院长", "president of the court"),
        "upper_court": Text("上一级人民法院", "court one level up"),
        "high_court": Text("高级人民法院", "high court of the province"),
        "supreme_court": Text("最高人民法院", "Supreme People's Court"),
        "legislature": Text("全国人大常委会", "Standing Committee of the National People's Congress"),
        "same_organ": Text("本办案机关", "the handling organ itself"),
    }
)

_Part = TypeVar("_Part")

_ITEM_ID = re.compile(r"D[0-9]{2}")
_KEY = re.compile(r"[a-z][a-z0-9-]*")
_LIMIT = ("key", "name", "term", "starts", "stops", "responsible", "leads")
_LIMIT_OPTIONAL = (
    "restarts",
    "extensions",
    "excludes",
    "holidays",
    "when",
    "unless",
    "most_runs",
    "per_case",
)
_BODIES = {
    ClockKind.LIMIT: ("limits",),
    ClockKind.WARNING_LEAD: ("leads",),
    ClockKind.EXCLUSION: ("begins", "ends", "excluded_from"),
    ClockKind.PROHIBITION: ("begins", "ends", "within", "responsible", "leads"),
}


class ClockReader:
    """Reads clocks that cite the laws of one edition; `items` keeps their places."""

    def __init__(self, vocabulary: Vocabulary, triggers: TriggerReader) -> None:
        self._vocabulary = vocabulary
        self._triggers = triggers
        self._switches: Mapping[str, Switch] = {}
        self._limit_names: list[Entry] = []
        self.items: dict[str, Entry] = {}

    def read(self, entry: Entry) -> Clocks:
        """Reads all clocks. Raises EditionError at the line of the first mistake."""
        fields = entry.fields(("switches", "clocks"))
        self._switches = {key.text(): self._switch(value) for key, value in fields["switches"].pairs()}
        items: dict[str, ClockItem] = {}
        for item_entry in fields["clocks"].items():
            item = self._item(item_entry)
            if item.id in items:
                item_entry.fail(f"clock '{item.id}' is given twice")
            items[item.id] = item
            self.items[item.id] = item_entry
        events = {code: kind for code, (kind, _) in self._triggers.events.items()}
        clocks = Clocks(MappingProxyType(events), MappingProxyType(self._switches), MappingProxyType(items))
        for name in self._limit_names:
            if name.text() not in clocks.limits:
                name.fail(f"'{name.text()}' is no limit of this edition")
        return clocks

    def _switch(self, entry: Entry) -> Switch:
        fields = entry.fields(("begins", "ends"))
        return Switch(self._triggers.read(fields["begins"]), self._triggers.read(fields["ends"]))

    def _item(self, entry: Entry) -> ClockItem:
        kind = ClockKind(_peek(entry, "kind").choice([kind.value for kind in ClockKind]))
        fields = entry.fields(("id", "kind", "name", "basis", "provenance", *_BODIES[kind]), ("unsure",))
        item_id = fields["id"].text()
        if not _ITEM_ID.fullmatch(item_id):
            fields["id"].fail(f"'{item_id}' is no id of a clock of the form D01")
        provenance = read_provenance(fields["provenance"])
        unsure = tuple(read_open_point(item) for item in items_of(fields.get("unsure")))
        if "unsure" in provenance and not unsure:
            fields["provenance"].fail(
                f"{item_id}: its provenance is unsure, but 'unsure' does not say what is"
            )
        is_limit, is_lead = kind is ClockKind.LIMIT, kind is ClockKind.WARNING_LEAD
        return ClockItem(
            id=item_id,
            kind=kind,
            name=read_text(fields["name"]),
            basis=self._vocabulary.basis(fields["basis"]),
            provenance=provenance,
            unsure=unsure,
            limits=self._parts(item_id, fields["limits"], self._limit) if is_limit else (),
            warning_leads=self._parts(item_id, fields["leads"], self._warning_lead) if is_lead else (),
            exclusion=self._exclusion(fields) if kind is ClockKind.EXCLUSION else None,
            excluded_from=self._limit_ids(fields["excluded_from"]) if kind is ClockKind.EXCLUSION else (),
            prohibition=self._prohibition(fields) if kind is ClockKind.PROHIBITION else None,
        )

    def _parts(self, item_id: str, entry: Entry, read: Callable[[str, Entry], _Part]) -> tuple[_Part, ...]:
        """The parts of an item; their ids are `D01.key`, or the item's own id where it is the only one."""
        entries = entry.items()
        if not entries:
            entry.fail(f"{item_id} has nothing in it")
        found: dict[str, _Part] = {}
        for part_entry in entries:
            key = _peek(part_entry, "key").text()
            if not _KEY.fullmatch(key):
                part_entry.fail(f"'{key}' is no key; write small letters")
            part_id = item_id if len(entries) == 1 else f"{item_id}.{key}"
            if part_id in found:
                part_entry.fail(f"'{part_id}' is given twice")
            found[part_id] = read(part_id, part_entry)
        return tuple(found.values())

    def _limit(self, limit_id: str, entry: Entry) -> Limit:
        fields = entry.fields(_LIMIT, _LIMIT_OPTIONAL)
        term = _term(fields["term"])
        starts = self._triggers.read(fields["starts"])
        if not starts:
            fields["starts"].fail(f"{limit_id} starts at no event")
        return Limit(
            id=limit_id,
            name=read_text(fields["name"]),
            term=term,
            starts=starts,
            stops=self._triggers.read(fields["stops"]),
            restarts=self._triggers.read(fields.get("restarts")),
            extensions=tuple(self._extension(item, term) for item in items_of(fields.get("extensions"))),
            exclusions=tuple(
                self._exclusion(item.fields(("begins", "ends"))) for item in items_of(fields.get("excludes"))
            ),
            holidays=Holidays(fields["holidays"].choice([*Holidays]))
            if "holidays" in fields
            else Holidays.MOVE,
            when=self._switch_name(fields["when"]) if "when" in fields else "",
            unless=tuple(self._switch_name(item) for item in items_of(fields.get("unless"))),
            most_runs=fields["most_runs"].positive() if "most_runs" in fields else 0,
            per_case=fields["per_case"].flag() if "per_case" in fields else False,
            responsible=_parties(fields["responsible"]),
            leads=_terms(fields["leads"]),
        )

    def _extension(self, entry: Entry, term: Term) -> Extension:
        fields = entry.fields(("key", "granted_by", "approver"), ("by", "to", "at_most", "times"))
        if "by" in fields and "to" in fields:
            entry.fail("an extension has 'by' or 'to', not both")
        lengths = {name: _term(fields[name]) if name in fields else None for name in ("by", "to", "at_most")}
        if any(length and bool(length.hours) != bool(term.hours) for length in lengths.values()):
            entry.fail("an extension counts in the units of its limit")
        return Extension(
            key=fields["key"].text(),
            by=lengths["by"],
            to=lengths["to"],
            at_most=lengths["at_most"],
            granted_by=self._triggers.read(fields["granted_by"]),
            approver=fields["approver"].choice(APPROVERS.keys()),
            times=fields["times"].positive() if "times" in fields else 1,
        )

    def _warning_lead(self, lead_id: str, entry: Entry) -> WarningLead:
        fields = entry.fields(
            ("key", "name", "of", "before", "stops", "responsible", "leads"), ("extended", "extendable")
        )
        return WarningLead(
            id=lead_id,
            name=read_text(fields["name"]),
            of=self._limit_ids(fields["of"]),
            before=_term(fields["before"]),
            stops=self._triggers.read(fields["stops"]),
            responsible=_parties(fields["responsible"]),
            leads=_terms(fields["leads"]),
            extended=fields["extended"].text() if "extended" in fields else "",
            extendable=fields["extendable"].flag() if "extendable" in fields else False,
        )

    def _exclusion(self, fields: Mapping[str, Entry]) -> Exclusion:
        return Exclusion(self._triggers.read(fields["begins"]), self._triggers.read(fields["ends"]))

    def _prohibition(self, fields: Mapping[str, Entry]) -> Prohibition:
        return Prohibition(
            within=self._limit_ids(fields["within"]),
            begins=self._triggers.read(fields["begins"]),
            ends=self._triggers.read(fields["ends"]),
            responsible=_parties(fields["responsible"]),
            leads=_terms(fields["leads"]),
        )

    def _switch_name(self, entry: Entry) -> str:
        if entry.text() not in self._switches:
            entry.fail(f"'{entry.text()}' is no switch of this edition")
        return entry.text()

    def _limit_ids(self, entry: Entry) -> tuple[str, ...]:
        self._limit_names += entry.items()
        return entry.texts()


def _peek(entry: Entry, name: str) -> Entry:
    """One key of a mapping on which depends what else it may have."""
    found = [value for key, value in entry.pairs() if key.text() == name]
    if not found:
        entry.fail(f"missing: {name}")
    return found[0]


def _term(entry: Entry) -> Term:
    try:
        return Term.parse(entry.text())
    except TermError as error:
        entry.fail(str(error))


def _terms(entry: Entry) -> tuple[Term, ...]:
    return tuple(_term(item) for item in entry.items())


def _parties(entry: Entry) -> tuple[Party, ...]:
    found = tuple(Party(item.choice(TRIGGER_PARTIES)) for item in entry.items())
    if not found:
        entry.fail("nobody is responsible")
    return found
