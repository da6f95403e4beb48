"""Statistics: counted by process and parties; corrections are no first tries; codes are counted, texts are not told."""

from __future__ import annotations

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import Reason, Statement
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong.supervision.v1.flow_service_pb2 import FlowCount
from xietong_exchange.flow.records import OutcomeCount, ReturnedRecord
from xietong_exchange.supervision.statistics import MOST_REASONS, flow_counts, reason_counts

POLICE, COURT, PROCURATORATE = Party.PARTY_POLICE, Party.PARTY_COURT, Party.PARTY_PROCURATORATE
ACCEPTED, RETURNED = DeliveryState.DELIVERY_STATE_ACCEPTED, DeliveryState.DELIVERY_STATE_RETURNED
REJECTED, FAILED = DeliveryState.DELIVERY_STATE_REJECTED, DeliveryState.DELIVERY_STATE_FAILED


def outcome(state: DeliveryState.ValueType, count: int, process: str = "PB-01") -> OutcomeCount:
    return OutcomeCount(process, POLICE, PROCURATORATE, state, count)


def test_first_tries_leave_corrections_out() -> None:
    all_of_them = [
        outcome(ACCEPTED, 7),
        outcome(RETURNED, 2),
        outcome(REJECTED, 1),
        outcome(FAILED, 3),
        outcome(DeliveryState.DELIVERY_STATE_RELAYED, 4),
    ]
    assert flow_counts(all_of_them, [outcome(ACCEPTED, 2), outcome(FAILED, 1)]) == [
        FlowCount(
            process_code="PB-01",
            sender=POLICE,
            receiver=PROCURATORATE,
            package_count=17,
            accepted_count=7,
            returned_count=2,
            rejected_count=1,
            failed_count=3,
            first_outcome_count=8,
            first_accepted_count=5,
        )
    ]


def test_a_correction_that_was_decided_meanwhile_makes_nothing_negative() -> None:
    [count] = flow_counts([outcome(ACCEPTED, 1)], [outcome(ACCEPTED, 2)])
    assert (count.first_outcome_count, count.first_accepted_count) == (0, 0)


def test_processes_are_told_apart_and_in_order() -> None:
    counts = flow_counts([outcome(ACCEPTED, 1, "QS-01"), outcome(ACCEPTED, 1, "PB-01")], [])
    assert [count.process_code for count in counts] == ["PB-01", "QS-01"]


def returned(receiver: Party.ValueType, *codes: str) -> ReturnedRecord:
    reasons = [Reason(code=code, text_zh="张某的身份证号有误") for code in codes]
    return ReturnedRecord(receiver, Statement(reasons=reasons).SerializeToString())


def test_a_package_names_a_reason_once_and_its_words_stay_where_they_are() -> None:
    counts = reason_counts([returned(COURT, "A", "A", "B"), returned(COURT, "A"), returned(POLICE, "A")])
    assert [(one.receiver, one.code, one.package_count) for one in counts] == [
        (COURT, "A", 2),
        (POLICE, "A", 1),
        (COURT, "B", 1),
    ]


def test_only_the_most_frequent_reasons_are_told() -> None:
    counts = reason_counts([returned(COURT, *(f"R-{number}" for number in range(MOST_REASONS + 9)))])
    assert len(counts) == MOST_REASONS
