"""Reads lifecycle.yaml: the schema of states and moves, and what must hold between them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType

from xietong_standard.clocks.trigger_reader import TriggerReader
from xietong_standard.lifecycle.model import ANY_STATE, Lifecycle, Move, Region, State
from xietong_standard.process_reader import read_open_point
from xietong_standard.source import Entry
from xietong_standard.text import Text
from xietong_standard.vocabulary import Vocabulary, items_of

_STATE = re.compile(r"[A-Z][A-Z0-9_]*")


def read_lifecycle(
    entry: Entry, vocabulary: Vocabulary, triggers: TriggerReader, processes: Collection[str]
) -> Lifecycle:
    """Reads the lifecycle. Raises EditionError at the line of the first mistake."""
    fields = entry.fields(("procedure", "measure"), ("unsure",))
    reader = _RegionReader(vocabulary, triggers, processes)
    return Lifecycle(
        procedure=reader.read(fields["procedure"]),
        measure=reader.read(fields["measure"]),
        unsure=tuple(read_open_point(item) for item in items_of(fields.get("unsure"))),
    )


class _RegionReader:
    def __init__(self, vocabulary: Vocabulary, triggers: TriggerReader, processes: Collection[str]) -> None:
        self._vocabulary = vocabulary
        self._triggers = triggers
        self._processes = processes

    def read(self, entry: Entry) -> Region:
        fields = entry.fields(("states", "moves"), ("fits",))
        states = {key.text(): _state(key, value) for key, value in fields["states"].pairs()}
        moves = tuple(self._move(item, states) for item in fields["moves"].items())
        _check_ways(fields["states"], states, moves)
        return Region(
            states=MappingProxyType(states),
            moves=moves,
            fits=MappingProxyType(self._fits(fields["fits"], states) if "fits" in fields else {}),
        )

    def _move(self, entry: Entry, states: Mapping[str, State]) -> Move:
        fields = entry.fields(("from", "to", "by"), ("most_visits", "whole_case", "basis"))
        by = self._triggers.read(fields["by"])
        if not by:
            fields["by"].fail("nothing makes this move")
        return Move(
            origins=tuple(
                ANY_STATE if item.text() == ANY_STATE else _known(item, states)
                for item in fields["from"].items()
            ),
            to=_known(fields["to"], states),
            by=by,
            most_visits=fields["most_visits"].positive() if "most_visits" in fields else 0,
            whole_case=fields["whole_case"].flag() if "whole_case" in fields else False,
            basis=self._vocabulary.basis(fields["basis"]) if "basis" in fields else (),
        )

    def _fits(self, entry: Entry, states: Mapping[str, State]) -> dict[str, tuple[str, ...]]:
        """`{states: […], processes: […]}`: these processes make sense in these states."""
        fits: dict[str, tuple[str, ...]] = {}
        for item in entry.items():
            fields = item.fields(("processes", "states"))
            named = tuple(_known(state, states) for state in fields["states"].items())
            for process in fields["processes"].items():
                if process.text() not in self._processes:
                    process.fail(f"'{process.text()}' is not a process of this edition")
                fits[process.text()] = (*fits.get(process.text(), ()), *named)
        return fits


def _state(key: Entry, value: Entry) -> State:
    if not _STATE.fullmatch(key.text()):
        key.fail(f"'{key.text()}' is no code of a state; write capitals, such as COURT_REVIEW")
    fields = value.fields(("zh", "en"), ("terminal",))
    name = Text(fields["zh"].text(), fields["en"].text())
    return State(key.text(), name, fields["terminal"].flag() if "terminal" in fields else False)


def _known(entry: Entry, states: Mapping[str, State]) -> str:
    if entry.text() not in states:
        entry.fail(f"'{entry.text()}' is no state of this region")
    return entry.text()


def _check_ways(entry: Entry, states: Mapping[str, State], moves: tuple[Move, ...]) -> None:
    """Every state can be reached, and left unless it is terminal."""
    reached = {move.to for move in moves}
    left = {origin for move in moves for origin in move.origins}
    for key, _ in entry.pairs():
        state = states[key.text()]
        if state.code not in reached:
            key.fail(f"no move leads to the state '{state.code}'")
        if not state.terminal and left.isdisjoint({state.code, ANY_STATE}):
            key.fail(f"no move leads out of the state '{state.code}', which is not terminal")
