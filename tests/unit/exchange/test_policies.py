"""What a node is configured with: when it tries again, over which neighbour, and what its systems may do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.exchange.packages import NOW

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.domain.errors import GrantMissing, RouteNotFound
from xietong_exchange.domain.party import in_chinese
from xietong_exchange.domain.profile import Grant, Profile, SystemProfile
from xietong_exchange.domain.retry import RetryPolicy
from xietong_exchange.domain.routes import Routes

POLICY = RetryPolicy(first_delay_seconds=0.5, longest_delay_seconds=60.0, give_up_after=timedelta(hours=72))
CHANCES = st.floats(0, 1, exclude_max=True)
GRANTS: tuple[Grant, ...] = ("contribute", "submit", "read", "decide")


@given(st.integers(0, 2**40), CHANCES)
def test_a_pause_is_positive_and_bounded_however_often_it_failed(attempts: int, chance: float) -> None:
    assert 0.25 <= POLICY.delay_seconds(attempts, chance) <= 60.0


@given(st.integers(1, 100), CHANCES)
def test_pauses_double_until_the_longest(attempts: int, chance: float) -> None:
    pause = POLICY.delay_seconds(attempts, chance)
    assert POLICY.delay_seconds(attempts + 1, chance) == pytest.approx(
        min(2 * pause, 60 * (0.5 + chance / 2))
    )


def test_chance_spreads_callers_over_half_of_the_pause() -> None:
    assert POLICY.delay_seconds(3, 0.0) == 1.0
    assert POLICY.delay_seconds(3, 0.5) == 1.5
    assert POLICY.delay_seconds(3, 0.999) == pytest.approx(2.0, abs=0.01)


def test_standstill_counts_and_exactly_the_limit_is_not_hopeless() -> None:
    assert not POLICY.is_hopeless(NOW - timedelta(hours=72), NOW)
    assert POLICY.is_hopeless(NOW - timedelta(hours=72, microseconds=1), NOW)
    assert not POLICY.is_hopeless(NOW + timedelta(hours=1), NOW)  # the clock went back


BRANCH = Routes(
    Party.PARTY_POLICE,
    {party: Party.PARTY_HUB for party in Party.values() if party not in {0, Party.PARTY_POLICE}},
)
HUB = Routes(Party.PARTY_HUB, {Party.PARTY_POLICE: Party.PARTY_POLICE, Party.PARTY_COURT: Party.PARTY_COURT})


def test_a_branch_reaches_everybody_through_the_hub() -> None:
    assert BRANCH.next_hop(Party.PARTY_COURT) == Party.PARTY_HUB
    assert BRANCH.next_hop(Party.PARTY_HUB) == Party.PARTY_HUB
    assert BRANCH.neighbours == {Party.PARTY_HUB}


def test_the_hub_reaches_each_directly() -> None:
    assert HUB.next_hop(Party.PARTY_COURT) == Party.PARTY_COURT
    assert HUB.neighbours == {Party.PARTY_POLICE, Party.PARTY_COURT}


@pytest.mark.parametrize(
    ("routes", "party", "name"),
    [
        (HUB, Party.PARTY_JUSTICE, "justice"),
        (HUB, Party.PARTY_HUB, "hub"),
        (BRANCH, Party.PARTY_POLICE, "police"),
        (Routes(Party.PARTY_POLICE, {Party.PARTY_POLICE: Party.PARTY_HUB}), Party.PARTY_POLICE, "police"),
        (BRANCH, 99, "unknown-99"),
    ],
)
def test_there_is_no_route_to_oneself_or_to_a_stranger(
    routes: Routes, party: Party.ValueType, name: str
) -> None:
    with pytest.raises(RouteNotFound, match=f"no route to {name};") as refused:
        routes.next_hop(party)
    assert refused.value.facts == {"party": name}
    assert refused.value.message_zh.startswith(f"没有到{in_chinese(name)}的路由")


def test_parties_have_their_titles_in_chinese() -> None:
    assert [in_chinese(name) for name in ("court", "hub", "police/operator", "unknown-99")] == [
        "人民法院", "中心平台", "police/operator", "unknown-99",
    ]  # fmt: skip


def profile_with(grants: frozenset[Grant]) -> Profile:
    systems = {"archive": SystemProfile(grants)}
    return Profile(party=Party.PARTY_POLICE, title_zh="公安", title_en="Police", systems=systems)


@given(st.frozensets(st.sampled_from(GRANTS)), st.sampled_from(GRANTS))
def test_a_system_may_do_what_its_profile_grants_and_nothing_else(
    grants: frozenset[Grant], wanted: Grant
) -> None:
    profile = profile_with(grants)
    if wanted in grants:
        profile.require("archive", wanted)
    else:
        with pytest.raises(GrantMissing) as refused:
            profile.require("archive", wanted)
        assert refused.value.facts == {"system": "archive", "grant": wanted}


@pytest.mark.parametrize("system", ["", "Archive", "archive ", "other"])
def test_a_system_that_is_not_named_may_do_nothing(system: str) -> None:
    profile = profile_with(frozenset(GRANTS))
    for grant in GRANTS:
        with pytest.raises(GrantMissing):
            profile.require(system, grant)
    assert profile.system(system).grants == frozenset()
