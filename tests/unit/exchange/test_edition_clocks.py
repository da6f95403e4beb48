"""Clocks by the edition under which the package was sent that started them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest
from tests.unit.standard.clock_events import PERSON, events, moment

from xietong_exchange.supervision.edition_clocks import EditionClock, edition_clocks
from xietong_standard import Edition, load_edition
from xietong_standard.clocks import Clocks, Phase, Term

OLD = load_edition("2026.1")
REVIEW = "D03"
ONE_REQUEST = "detention*k0@2026-03-01 22:00; PB-01 received by PROCURATORATE*k1@2026-03-03 10:05"
TWO_REQUESTS = f"{ONE_REQUEST}; PB-03 sent@2026-03-05; PB-01 received by PROCURATORATE*k2@2026-03-20 10:05"


def with_items(edition: Edition, edition_id: str, clocks: Clocks) -> Edition:
    return replace(edition, id=edition_id, clocks=clocks)


def shorter(days: int, edition_id: str) -> Edition:
    """The edition with another length of the review."""
    item = OLD.clocks.items[REVIEW]
    limits = tuple(replace(limit, term=Term(days=days)) for limit in item.limits)
    items = {**OLD.clocks.items, REVIEW: replace(item, limits=limits)}
    return with_items(OLD, edition_id, replace(OLD.clocks, items=items))


def without_review() -> Edition:
    items = {key: item for key, item in OLD.clocks.items.items() if key != REVIEW}
    return with_items(OLD, "2026.2", replace(OLD.clocks, items=items))


def review(
    newest: Edition, *others: Edition, sent_under: Mapping[str, str], said: str = ONE_REQUEST
) -> EditionClock | None:
    found = edition_clocks(newest, others, sent_under, events(said), [PERSON], now=moment("2026-03-21 09:00"))
    return next((one for one in found if one.state.clock_id == REVIEW), None)


def test_what_a_package_started_goes_by_its_edition() -> None:
    new = shorter(5, "2026.2")
    before = review(new, OLD, sent_under={"k1": "2026.1"})
    after = review(new, OLD, sent_under={"k1": "2026.2"})
    assert before is not None
    assert after is not None
    assert (before.edition.id, before.state.last_day) == ("2026.1", date(2026, 3, 10))
    assert (after.edition.id, after.state.last_day) == ("2026.2", date(2026, 3, 8))


def test_an_edition_that_the_hub_does_not_have_counts_as_the_newest() -> None:
    unknown = review(shorter(5, "2026.2"), OLD, sent_under={"k1": "2025.9"})
    untold = review(shorter(5, "2026.2"), OLD, sent_under={})
    assert unknown == untold
    assert unknown is not None
    assert (unknown.edition.id, unknown.state.last_day) == ("2026.2", date(2026, 3, 8))


@pytest.mark.parametrize("edition_id", ["2026.1", "2026.2"])
def test_a_run_goes_by_the_package_that_began_it_and_not_by_an_earlier_one(edition_id: str) -> None:
    (other,) = {"2026.1", "2026.2"} - {edition_id}
    sent_under = {"k1": other, "k2": edition_id}
    found = review(shorter(5, "2026.2"), OLD, sent_under=sent_under, said=TWO_REQUESTS)
    assert found is not None
    assert (found.edition.id, found.state.started_by, found.state.runs) == (edition_id, "k2", 2)


def test_a_clock_that_the_newest_edition_dropped_runs_where_it_began() -> None:
    began = review(without_review(), OLD, sent_under={"k1": "2026.1"})
    assert began is not None
    assert (began.edition.id, began.state.phase) == ("2026.1", Phase.PASSED)
    assert review(without_review(), OLD, sent_under={"k1": "2026.2"}) is None


def test_a_clock_that_only_the_newest_edition_knows_warns() -> None:
    """As the law that it rests on does not wait for an edition."""
    found = review(
        replace(OLD, id="2026.2"), replace(without_review(), id="2026.1"), sent_under={"k1": "2026.1"}
    )
    assert found is not None
    assert (found.edition.id, found.state.started_by) == ("2026.2", "k1")


def test_what_was_not_seen_goes_by_the_newest() -> None:
    found = edition_clocks(
        shorter(5, "2026.2"), [OLD], {"k1": "2026.1"}, events(""), [PERSON], now=moment("2026-03-21")
    )
    assert {one.edition.id for one in found} == {"2026.2"}
    assert len({one.state.clock_id for one in found}) == len(found)
