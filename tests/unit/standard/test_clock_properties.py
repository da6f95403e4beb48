"""What holds for every clock, whatever happens: the laws of counting time that no table can exhaust."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xietong_standard import load_edition
from xietong_standard.clocks import (
    CHINA_TIME,
    Clocks,
    ClockState,
    Event,
    Limit,
    Phase,
    Term,
    Trigger,
    clock_states,
)
from xietong_standard.clocks.model import Exclusion, Switch

EDITION = load_edition("2026.1")
CLOCKS = EDITION.clocks
LIMITS = sorted(CLOCKS.limits.values(), key=lambda limit: limit.id)
FIRST = datetime(2024, 1, 1, tzinfo=CHINA_TIME)
NOW = datetime(2027, 6, 1, tzinfo=CHINA_TIME)
PERSON = "p1"

# A busy machine is no mistake.
LEISURELY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

times = st.integers(0, 24 * 900).map(lambda hours: FIRST + timedelta(hours=hours))
amounts = st.none() | st.builds(Term, months=st.integers(0, 8), days=st.integers(0, 40))
untils = st.none() | st.dates(date(2024, 1, 1), date(2029, 1, 1))


def triggers_of(limit: Limit) -> tuple[Trigger, ...]:
    """All that may matter to a limit."""
    names = ("in_custody", *limit.unless, *((limit.when,) if limit.when else ()))
    spans: list[Switch | Exclusion] = [CLOCKS.switches[name] for name in names]
    spans += CLOCKS.exclusions(limit)
    others = tuple(trigger for span in spans for trigger in (*span.begins, *span.ends))
    return (*limit.starts, *limit.stops, *limit.restarts, *limit.granted_by, *others)


def happening(trigger: Trigger, time: datetime, **facts: object) -> Event:
    event = Event(code=trigger.code, moment=trigger.moment, party=trigger.party, time=time, person_id=PERSON)
    return replace(event, **facts)  # type: ignore[arg-type] # the facts are those of an event


@st.composite
def histories(draw: st.DrawFn) -> tuple[Limit, list[Event]]:
    """A limit and events that concern it, among them usually a start."""
    limit = draw(st.sampled_from(LIMITS))
    some = st.sampled_from(triggers_of(limit))
    events = draw(
        st.lists(
            st.builds(
                lambda trigger, time, amount, until: happening(trigger, time, amount=amount, until=until),
                some, times, amounts, untils,
            ),
            max_size=12,
        )
    )  # fmt: skip # one event reads better on one line
    return limit, [happening(limit.starts[0], draw(times)), *events]


def state(limit: Limit, events: Iterable[Event], now: datetime = NOW) -> ClockState:
    """How one limit stands; the other items are left out but for those that exclude time from it."""
    item_id = limit.id.partition(".")[0]
    items = {item.id: item for item in CLOCKS.items.values() if item.id == item_id or item.excluded_from}
    clocks = Clocks(CLOCKS.events, CLOCKS.switches, items)
    states = clock_states(clocks, events, [PERSON], now=now, calendar=EDITION.calendar)
    return next(state for state in states if state.clock_id == limit.id)


@LEISURELY
@given(histories())
def test_a_clock_never_ends_before_it_starts(case: tuple[Limit, list[Event]]) -> None:
    found = state(*case)
    if found.phase is Phase.NOT_OBSERVED:
        assert (found.started, found.due, found.ended) == (None, None, None)
        return
    assert found.started is not None
    assert found.due is not None
    assert found.started < found.due
    assert found.ended is None or found.started <= found.ended


@LEISURELY
@given(histories(), st.data())
def test_order_and_repetition_do_not_matter(case: tuple[Limit, list[Event]], data: st.DataObject) -> None:
    limit, events = case
    shuffled = data.draw(st.permutations(events))
    again = data.draw(st.lists(st.sampled_from(events), max_size=3))
    assert state(limit, [*shuffled, *again]) == state(limit, events)


@LEISURELY
@given(histories(), times, amounts, untils, st.data())
def test_an_extension_only_lengthens(
    case: tuple[Limit, list[Event]],
    time: datetime,
    amount: Term | None,
    until: date | None,
    data: st.DataObject,
) -> None:
    limit, events = case
    if (
        not limit.extensions or limit.id == "D38"
    ):  # its period starts with the decision that states its length
        return
    extension = data.draw(st.sampled_from(limit.extensions))
    more = happening(extension.granted_by[0], time, amount=amount, until=until)
    before, after = state(limit, events), state(limit, [*events, more])
    assert after.started == before.started
    assert before.due is None or (after.due is not None and after.due >= before.due)


@LEISURELY
@given(histories(), times, times, st.data())
def test_time_that_is_not_counted_never_shortens(
    case: tuple[Limit, list[Event]], one: datetime, other: datetime, data: st.DataObject
) -> None:
    limit, events = case
    exclusions = CLOCKS.exclusions(limit)
    if not exclusions or one == other:
        return
    exclusion = data.draw(st.sampled_from(exclusions))
    without = [e for e in events if not any(t.picks(e) for t in (*exclusion.begins, *exclusion.ends))]
    begin, end = sorted((one, other))
    span = [happening(exclusion.begins[0], begin), happening(exclusion.ends[0], end)]
    before, after = state(limit, without), state(limit, [*without, *span])
    assert (before.due is None) is (after.due is None)
    assert before.due is None or (after.due is not None and after.due >= before.due)


@LEISURELY
@given(histories(), times, times)
def test_what_happens_later_does_not_change_the_past(
    case: tuple[Limit, list[Event]], now: datetime, later: datetime
) -> None:
    limit, events = case
    known = [event for event in events if event.time <= now]
    assert state(limit, events, now) == state(limit, known, now)
    if later <= now or state(limit, known, now).phase in (Phase.NOT_OBSERVED, Phase.SUSPENDED):
        return
    assert state(limit, known, later).due == state(limit, known, now).due


@LEISURELY
@given(histories())
def test_events_of_another_person_change_nothing(case: tuple[Limit, list[Event]]) -> None:
    limit, events = case
    if limit.per_case:
        return
    others = [replace(event, person_id="p2") for event in events]
    assert state(limit, others).phase is Phase.NOT_OBSERVED
    assert state(limit, [*events, *others]) == state(limit, events)


@LEISURELY
@given(histories())
def test_no_text_says_more_than_a_warning(case: tuple[Limit, list[Event]]) -> None:
    text = state(*case).text()
    for word in ("超期羁押", "违法", "unlawful", "illegal", "overdue", "violation"):
        assert word not in text.zh + text.en
    assert PERSON not in text.zh + text.en
