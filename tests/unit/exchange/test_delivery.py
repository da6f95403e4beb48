"""The delivery machine: evidence in any order gives the same state, and only the right party may state things."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind as Kind
from xietong.exchange.v1.package_pb2 import DeliveryState as State
from xietong_client import FINAL_STATES
from xietong_exchange.domain.delivery import FINAL, LABELS, advance, may_state, travels_back, travels_forward

WAY = [
    Kind.EVIDENCE_KIND_SUBMITTED,
    Kind.EVIDENCE_KIND_RELAYED,
    Kind.EVIDENCE_KIND_DELIVERED,
    Kind.EVIDENCE_KIND_RETRIEVED,
    Kind.EVIDENCE_KIND_PARSED,
    Kind.EVIDENCE_KIND_ACCEPTED,
]


@given(st.permutations(WAY))
def test_evidence_in_any_order_ends_in_the_same_state(order: list[Kind.ValueType]) -> None:
    state = State.DELIVERY_STATE_SUBMITTED
    for kind in order:
        state = advance(state, kind)
    assert state == State.DELIVERY_STATE_ACCEPTED


@given(st.lists(st.sampled_from([kind for kind in Kind.values() if kind])))
def test_a_final_state_stays(kinds: list[Kind.ValueType]) -> None:
    state = State.DELIVERY_STATE_SUBMITTED
    for kind in kinds:
        before, state = state, advance(state, kind)
        assert before not in FINAL or state == before


def test_a_package_that_was_given_up_goes_on_when_it_is_delivered_after_all() -> None:
    state = advance(State.DELIVERY_STATE_RELAYED, Kind.EVIDENCE_KIND_FAILED)
    assert state == State.DELIVERY_STATE_FAILED
    assert advance(state, Kind.EVIDENCE_KIND_DELIVERED) == State.DELIVERY_STATE_DELIVERED


def test_a_failed_parse_changes_nothing() -> None:
    assert (
        advance(State.DELIVERY_STATE_RETRIEVED, Kind.EVIDENCE_KIND_PARSE_FAILED)
        == State.DELIVERY_STATE_RETRIEVED
    )


@pytest.mark.parametrize("kind", [kind for kind in Kind.values() if kind])
def test_somebody_may_state_every_kind_and_nobody_may_state_all(kind: Kind.ValueType) -> None:
    stating = {
        party
        for party in Party.values()
        if may_state(kind, party, sender=Party.PARTY_POLICE, receiver=Party.PARTY_COURT)
    }
    assert stating
    assert stating <= {Party.PARTY_POLICE, Party.PARTY_COURT, Party.PARTY_HUB}


def test_the_sender_may_not_state_what_is_the_receivers() -> None:
    for kind, party in itertools.product(WAY[2:], [Party.PARTY_POLICE, Party.PARTY_HUB]):
        assert not may_state(kind, party, sender=Party.PARTY_POLICE, receiver=Party.PARTY_COURT)


def test_every_state_has_a_label_in_both_languages() -> None:
    for state in State.values():
        if state:
            assert LABELS[state].zh
            assert LABELS[state].en


def test_node_and_client_agree_on_the_final_states() -> None:
    assert FINAL == FINAL_STATES  # two distributions that share nothing but the contract


@pytest.mark.parametrize("kind", [kind for kind in Kind.values() if kind])
def test_all_evidence_reaches_somebody(kind: Kind.ValueType) -> None:
    assert travels_back(kind) or travels_forward(kind)


def test_both_ends_learn_that_a_package_was_given_up() -> None:
    assert travels_back(Kind.EVIDENCE_KIND_FAILED)
    assert travels_forward(Kind.EVIDENCE_KIND_FAILED)
    assert travels_forward(Kind.EVIDENCE_KIND_WITHDRAWN)
