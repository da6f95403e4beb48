"""Clocks and positions as the contract carries them, with who has to act by the packages of the case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong.exchange.v1.evidence_pb2 import Statement
from xietong.supervision.v1.clock_service_pb2 import Clock, ClockPhase, PersonClocks, ResponsibleUnit
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.supervision.edition_clocks import EditionClock
from xietong_standard.clocks import Phase
from xietong_standard.lifecycle import Lifecycle, Position, Region, SuspectState

_PHASES = {phase: ClockPhase.Value(f"CLOCK_PHASE_{phase.name}") for phase in Phase}


class Units:
    """The organs and handlers of a case, as its envelopes and evidence name them."""

    def __init__(self, packages: Iterable[tuple[Envelope, Sequence[Statement]]]) -> None:
        """`packages`: the newest first."""
        self._packages = {envelope.package_id: (envelope, stated) for envelope, stated in packages}

    def responsible(self, party: Party.ValueType, package_id: str) -> ResponsibleUnit:
        """The unit of a party in this package, otherwise in the latest that names it."""
        first = self._packages.get(package_id)
        for envelope, stated in ([first] if first else []) + list(self._packages.values()):
            places = (envelope.receiver, envelope.sender)
            organ = next((one.organ_code for one in places if one.party == party and one.organ_code), "")
            actors = (one.actor for one in reversed(stated) if one.stated_by == party)
            actor = next((one for one in actors if one.handler_ref), None)
            if organ or actor:
                return ResponsibleUnit(
                    party=party,
                    organ_code=actor.organ_code if actor else organ,
                    handler_ref=actor.handler_ref if actor else "",
                )
        return ResponsibleUnit(party=party)


def clock_view(one: EditionClock, units: Units) -> Clock:
    """One clock."""
    state = one.state
    basis, text = state.item.basis_text(), state.text()
    return Clock(
        clock_id=state.clock_id,
        name_zh=state.name.zh,
        name_en=state.name.en,
        phase=_PHASES[state.phase],
        start_time=_moment(state.started),
        due_time=_moment(state.due),
        last_day=state.last_day.isoformat() if state.last_day else "",
        end_time=_moment(state.ended),
        runs=state.runs,
        extensions=state.extended,
        responsible=[
            units.responsible(Party.Value(f"PARTY_{party}"), state.started_by) for party in state.responsible
        ],
        basis_zh=basis.zh,
        basis_en=basis.en,
        text_zh=text.zh,
        text_en=text.en,
        started_by=state.started_by,
        unsure=bool(state.item.unsure),
        warning_time=_moment(state.warns),
        standard_edition=one.edition.id,
    )


def person_view(
    lifecycle: Lifecycle, stand: SuspectState, persons: Sequence[str], clocks: Iterable[Clock]
) -> PersonClocks:
    """Persons of whom the same is known."""
    state_zh, state_en = _named(lifecycle.procedure, stand.procedure)
    measure_zh, measure_en = _named(lifecycle.measure, stand.measure)
    return PersonClocks(
        person_ids=persons,
        state=stand.procedure.state,
        state_zh=state_zh,
        state_en=state_en,
        measure=stand.measure.state,
        measure_zh=measure_zh,
        measure_en=measure_en,
        clocks=clocks,
    )


def _named(region: Region, position: Position) -> tuple[str, str]:
    state = region.states.get(position.state)
    return (state.name.zh, state.name.en) if state else ("", "")


def _moment(time: datetime | None) -> Timestamp | None:
    return timestamp(time) if time is not None else None
