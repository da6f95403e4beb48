"""Every clock of the standard, D01 to D39, over ends of months, leap years, holidays, extensions and restarts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.standard.clock_events import event, events, moment, state_of

from xietong_standard import Edition
from xietong_standard.clocks import ClockKind, Phase, Remark

RECEIVED = "received by PROCURATORATE"

# Clock, events, last day (or time, for hours). 2026: Spring Festival is 15 to 23 February, National Day 1 to 7 October;
# people work on Saturday 14 and 28 February.
TABLE = [
    ("D01.interrogation", "detention@2026-09-30 22:15", "2026-10-01 22:15"),
    ("D01.delivery", "detention@2024-02-28 23:59", "2024-02-29 23:59"),
    ("D01.notice", "detention@2025-12-31 08:00", "2026-01-01 08:00"),
    ("D02", "detention@2026-02-12 10:00", "2026-02-15"),
    ("D02", "detention@2026-02-12; detention-extended@2026-02-13", "2026-02-16"),
    ("D02", "detention@2026-02-12; detention-extended+4 days@2026-02-13", "2026-02-19"),
    ("D02", "detention@2026-02-12; detention-extended+9 days@2026-02-13", "2026-02-19"),
    (
        "D02",
        "detention@2026-02-12; detention-extended+2 days@2026-02-13; detention-extended+4 days@2026-02-14",
        "2026-02-19",
    ),
    ("D02", "detention@2026-02-12; detention-extended~2026-02-18@2026-02-13", "2026-02-18"),
    ("D02", "detention@2026-01-31; detention-extended-to-30-days@2026-02-01", "2026-03-02"),
    ("D02", "detention@2024-01-31; detention-extended-to-30-days@2024-02-01", "2024-03-01"),
    ("D03", f"detention@2026-01-28; PB-01 {RECEIVED}@2026-01-31 16:00", "2026-02-07"),
    ("D03", f"detention@2026-02-09; PB-01 {RECEIVED}@2026-02-11", "2026-02-18"),
    ("D04", f"PB-01 {RECEIVED}@2026-02-02", "2026-02-24"),
    ("D04", f"PB-01 {RECEIVED}@2026-03-02", "2026-03-17"),
    ("D04", f"PB-01 {RECEIVED}@2026-03-02; arrest-review-extended@2026-03-16", "2026-03-23"),
    ("D05", "arrest@2025-12-31", "2026-02-28"),
    ("D05", "arrest@2025-12-30", "2026-02-28"),
    ("D05", "arrest@2023-12-31", "2024-02-29"),
    ("D05", "arrest@2026-08-03", "2026-10-03"),
    ("D05", "arrest@2025-12-31; custody-extended-156@2026-02-20", "2026-03-31"),
    ("D05", "arrest@2025-12-30; custody-extended-156@2026-02-20", "2026-03-30"),
    (
        "D05",
        (
            "arrest@2025-12-31; custody-extended-156@2026-02-20; custody-extended-158@2026-03-20; "
            "custody-extended-159@2026-05-20"
        ),
        "2026-07-31",
    ),
    ("D05", "arrest@2025-12-31; custody-extended-157~2026-09-30@2026-02-20", "2026-09-30"),
    ("D06.offence", "arrest@2026-01-15; major-offence-discovered@2026-02-28", "2026-04-30"),
    ("D06.offence", "major-offence-discovered@2026-01-05; major-offence-discovered@2026-02-10", "2026-04-10"),
    ("D06.offence", "major-offence-discovered@2026-01-05; custody-extended-156@2026-03-01", "2026-04-05"),
    (
        "D06.identity",
        "identity-unknown@2026-01-01; arrest@2026-01-05; identity-established@2026-03-10",
        "2026-05-10",
    ),
    ("D07", "arrest@2026-01-15", "2026-03-08"),
    ("D07", "arrest@2026-01-15; custody-extended-156@2026-03-10", "2026-04-08"),
    ("D08", f"QS-01 {RECEIVED}@2026-01-31", "2026-02-28"),
    ("D08", f"QS-01 {RECEIVED}@2024-01-31", "2024-02-29"),
    ("D08", f"arrest@2026-08-01; QS-01 {RECEIVED}@2026-09-05", "2026-10-05"),
    ("D08", f"bail@2026-08-01; QS-01 {RECEIVED}@2026-09-05", "2026-10-08"),
    ("D08", f"QS-01 {RECEIVED}@2026-01-31; prosecution-review-extended@2026-02-20", "2026-03-15"),
    ("D08", f"QS-01 {RECEIVED}@2026-01-31; QS-03 {RECEIVED}@2026-03-05", "2026-04-05"),
    ("D08", f"QS-01 {RECEIVED}@2026-01-31; QS-02 sent@2026-02-10; QS-03 {RECEIVED}@2026-03-31", "2026-04-30"),
    ("D08", f"QS-01 {RECEIVED}@2026-03-02; QS-15 sent@2026-03-10; QS-15 {RECEIVED}@2026-03-12", "2026-04-12"),
    (
        "D08",
        (
            f"QS-01 {RECEIVED}@2026-03-02; psychiatric-evaluation-begun@2026-04-02; "
            "psychiatric-evaluation-ended@2026-04-12"
        ),
        "2026-04-12",
    ),
    (
        "D08",
        (
            f"QS-01 {RECEIVED}@2026-03-02; psychiatric-evaluation-begun@2026-04-03; "
            "psychiatric-evaluation-ended@2026-04-12"
        ),
        "2026-04-02",
    ),
    (
        "D08",
        (
            f"QS-01 {RECEIVED}@2026-03-02; psychiatric-evaluation-begun@2026-03-10; "
            "psychiatric-evaluation-ended@2026-03-25"
        ),
        "2026-04-17",
    ),
    (
        "D08",
        (
            f"QS-01 {RECEIVED}@2026-03-02; retention-measure-review-begun@2026-03-02; "
            "retention-measure-review-ended@2026-03-12"
        ),
        "2026-04-12",
    ),
    ("D09", f"expedited-review@2026-02-10; QS-01 {RECEIVED}@2026-02-10", "2026-02-20"),
    ("D09", f"QS-01 {RECEIVED}@2026-02-10; expedited-review@2026-02-12", "2026-02-20"),
    (
        "D09",
        f"QS-01 {RECEIVED}@2026-02-10; expedited-review@2026-02-12; sentence-over-one-year@2026-02-12",
        "2026-02-25",
    ),
    ("D10", "QS-02 received by POLICE@2026-01-30", "2026-02-28"),
    ("D10", "QS-02 received by POLICE@2024-01-30", "2024-02-29"),
    ("D10", "bail@2026-01-01; QS-02 received by POLICE@2026-09-01", "2026-10-08"),
    (
        "D10",
        "QS-02 received by POLICE@2026-01-30; QS-03 sent@2026-02-10; QS-02 received by POLICE@2026-03-31",
        "2026-04-30",
    ),
    ("D11", "arrest@2026-08-01; SP-01 received by COURT@2026-09-25", "2026-10-02"),
    ("D11", "bail@2026-08-01; SP-01 received by COURT@2026-09-25", "2026-10-08"),
    ("D12", "bail@2026-01-01; SP-03 received by PROCURATORATE@2026-02-12", "2026-02-24"),
    ("D12", "SP-03 received by PROCURATORATE@2026-02-12", "2026-02-15"),
    ("D13", "case-accepted@2025-12-31", "2026-02-28"),
    ("D13", "case-accepted@2025-12-31; trial-extended-to-three-months@2026-02-20", "2026-03-31"),
    (
        "D13",
        (
            "case-accepted@2025-12-31; trial-extended-by-three-months@2026-03-20; "
            "trial-extended-to-three-months@2026-02-20"
        ),
        "2026-06-30",
    ),
    ("D13", "case-accepted@2026-03-02; trial-suspended@2026-03-10; trial-resumed@2026-04-10", "2026-06-02"),
    ("D13", "case-accepted@2026-03-02; jurisdiction-changed@2026-04-01", "2026-06-01"),
    (
        "D13",
        "case-accepted@2026-03-02; adjourned-for-investigation@2026-04-01; SP-11 received by COURT@2026-04-30",
        "2026-06-30",
    ),
    (
        "D13",
        "case-accepted@2026-03-02; SP-19 sent@2026-04-01; SP-25 received by COURT@2026-07-31",
        "2026-09-30",
    ),
    (
        "D13",
        "case-accepted@2026-03-02; summary-procedure@2026-03-02; ordinary-procedure@2026-03-15",
        "2026-05-15",
    ),
    ("D14", "case-accepted@2026-03-01; summary-procedure@2026-03-01", "2026-03-21"),
    ("D14", "case-accepted@2026-03-01; summary-procedure@2026-03-04", "2026-03-21"),
    (
        "D14",
        "case-accepted@2026-03-01; summary-procedure@2026-03-01; sentence-over-three-years@2026-03-01",
        "2026-04-16",
    ),
    (
        "D14",
        "case-accepted@2026-01-31; summary-procedure@2026-01-31; sentence-over-three-years@2026-01-31",
        "2026-03-15",
    ),
    ("D15", "case-accepted@2026-03-01; expedited-procedure@2026-03-01", "2026-03-11"),
    (
        "D15",
        "case-accepted@2024-02-20; expedited-procedure@2024-02-20; sentence-over-one-year@2024-02-20",
        "2024-03-06",
    ),
    ("D16", "adjourned-for-investigation@2026-01-31", "2026-02-28"),
    ("D17", "bail@2026-01-01; judgment-pronounced@2026-02-12", "2026-02-24"),
    ("D18.judgment", "bail@2026-01-01; SP-19 received by PROCURATORATE@2026-02-05", "2026-02-24"),
    ("D18.judgment", "arrest@2026-01-01; SP-19 received by PROCURATORATE@2026-02-05", "2026-02-15"),
    ("D18.ruling", "ruling-pronounced@2026-02-04; SP-19 received by PROCURATORATE@2026-02-05", "2026-02-10"),
    ("D18.victim-request", "victim-received-judgment@2026-09-28", "2026-10-08"),
    ("D18.victim-answer", "victim-requested-protest@2026-09-24", "2026-09-29"),
    ("D19.file", "appeal-period-ended@2024-02-27", "2024-03-01"),
    ("D19.petition-down", "appeal-received-by-upper-court@2026-03-30", "2026-04-02"),
    ("D19.direct-file", "bail@2026-01-01; appeal-sent-down@2026-04-01", "2026-04-07"),
    ("D20", "appeal-accepted@2025-12-31", "2026-02-28"),
    ("D20", "appeal-accepted@2025-12-31; second-instance-extended@2026-02-20", "2026-04-30"),
    (
        "D20",
        (
            "appeal-accepted@2026-03-02; SP-22 received by PROCURATORATE@2026-03-10; "
            "SP-23 received by COURT@2026-03-30"
        ),
        "2026-05-22",
    ),
    (
        "D20",
        "appeal-accepted@2026-03-02; second-instance-extended-by-supreme-court~2026-12-31@2026-04-20",
        "2026-12-31",
    ),
    ("D21.retrial", "retrial-ordered@2025-11-30", "2026-02-28"),
    ("D21.retrial", "retrial-ordered@2025-11-30; retrial-extended@2026-02-20", "2026-05-31"),
    ("D21.order", "SP-26 received by COURT@2026-01-31", "2026-02-28"),
    ("D22", "bail@2026-01-01; judgment-effective@2026-02-05", "2026-02-24"),
    ("D22", "judgment-effective@2024-02-20", "2024-03-01"),
    ("D23", "ZX-01 received by POLICE@2026-09-01", "2026-10-01"),
    ("D24.notice", "community-correction-ordered@2026-02-01; judgment-effective@2026-02-11", "2026-02-24"),
    ("D24.papers", "community-correction-ordered@2026-02-01; judgment-effective@2026-02-28", "2026-03-10"),
    ("D24.report", "community-correction-ordered@2026-02-01; judgment-effective@2026-09-24", "2026-10-08"),
    ("D25.notice", "legal-aid-need-found@2026-02-12", "2026-02-24"),
    ("D25.appointment", "FY-01 received by JUSTICE@2026-02-11", "2026-02-14"),
    ("D26.forwarding", "legal-aid-applied@2024-02-28 09:30", "2024-02-29 09:30"),
    ("D26.decision", "FY-03 received by JUSTICE@2026-09-24", "2026-10-08"),
    ("D26.appointment", "legal-aid-granted@2026-03-31", "2026-04-03"),
    ("D27", "JD-13 received by COURT@2026-09-24", "2026-10-04"),
    ("D28", "bail@2026-01-01; measure-change-applied@2026-02-12", "2026-02-24"),
    ("D29.bail", "bail@2024-02-29", "2025-02-28"),
    ("D29.bail", "bail@2026-01-05; bail@2026-03-10", "2027-03-10"),
    ("D29.residential-surveillance", "residential-surveillance@2025-08-31", "2026-02-28"),
    ("D30.reconsideration", "PB-05 received by PROCURATORATE@2026-09-24", "2026-10-08"),
    ("D30.review", "PB-07 received by PROCURATORATE@2026-03-02", "2026-03-17"),
    ("D31.reconsideration", "QS-09 received by PROCURATORATE@2026-01-30", "2026-03-02"),
    ("D31.review", "QS-11 received by PROCURATORATE@2024-01-30", "2024-02-29"),
    ("D32.reasons", "JD-01 received by POLICE@2026-02-10", "2026-02-24"),
    ("D32.reasons", "JD-03 received by POLICE@2026-03-02", "2026-03-09"),
    ("D32.filing", "JD-05 received by POLICE@2026-03-02", "2026-03-17"),
    ("D33.service", "CW-01 received by COURT@2026-01-02; judgment-effective@2026-09-24", "2026-10-08"),
    ("D33.receipt", "CW-03 received by POLICE@2026-01-31", "2026-02-28"),
    ("D34.revocation", "SJ-05 received by COURT@2024-01-31", "2024-03-01"),
    ("D34.commitment", "SJ-08 received by PRISON@2026-09-04", "2026-10-08"),
    ("D34.commutation", "SJ-10 received by COURT@2026-01-31", "2026-03-02"),
    ("D34.arrest", "SJ-07 received by COURT@2026-09-30 17:00", "2026-10-02 17:00"),
    ("D35.ruling", "JY-01 received by COURT@2026-01-31", "2026-02-28"),
    ("D35.ruling", "JY-02 received by COURT@2026-01-31; commutation-extended@2026-02-20", "2026-03-31"),
    ("D35.service", "commutation-ruled@2026-02-10", "2026-02-17"),
    ("D36.custody", "arrest@2026-01-15", "2026-03-08"),
    ("D36.custody", "arrest@2026-01-15; custody-extended-156@2026-03-01", "2026-04-08"),
    ("D36.detention", "detention@2026-01-31; detention-extended-to-30-days@2026-02-01", "2026-02-27"),
    ("D38", "conditional-non-prosecution@2025-08-31", "2026-02-28"),
    ("D38", "conditional-non-prosecution~2026-05-31@2025-08-31", "2026-05-31"),
    ("D38", "conditional-non-prosecution~2027-08-31@2025-08-31", "2026-08-31"),
    ("D39", f"QS-01 {RECEIVED}@2026-01-31; own-investigation-begun@2026-02-10", "2026-02-28"),
]


@pytest.mark.parametrize(("clock_id", "known", "end"), TABLE)
def test_when_each_clock_ends(edition: Edition, clock_id: str, known: str, end: str) -> None:
    due = moment(end) if ":" in end else moment(end) + timedelta(days=1)
    before = state_of(edition, clock_id, events(known), due - timedelta(seconds=1))
    assert before.due == due
    assert before.last_day is None if ":" in end else before.last_day == moment(end).date()
    assert before.phase is Phase.WARNING
    assert state_of(edition, clock_id, events(known), due).phase is Phase.PASSED


def test_the_table_has_every_clock(edition: Edition) -> None:
    items = edition.clocks.items
    assert list(items) == [f"D{number:02}" for number in range(1, 40)]
    leads = {lead.id for item in items.values() for lead in item.warning_leads}
    assert {clock_id for clock_id, _, _ in TABLE} == {*edition.clocks.limits, *leads, "D39"}
    kinds = {item.id: item.kind for item in items.values() if item.kind is not ClockKind.LIMIT}
    assert kinds == {
        "D07": ClockKind.WARNING_LEAD,
        "D36": ClockKind.WARNING_LEAD,
        "D37": ClockKind.EXCLUSION,
        "D39": ClockKind.PROHIBITION,
    }


def test_each_stop_ends_its_clock(edition: Edition) -> None:
    last_rows = {clock_id: known for clock_id, known, _ in TABLE}
    for clock_id, limit in edition.clocks.limits.items():
        known = events(last_rows[clock_id])
        now = max(one.time for one in known) + timedelta(hours=1)
        for stop in limit.stops:
            stopped = [*known, event(f"{stop}@{now:%Y-%m-%d %H:%M}")]
            state = state_of(edition, clock_id, stopped, now)
            assert (clock_id, str(stop), state.phase) == (clock_id, str(stop), Phase.ENDED)


def test_a_custody_warning_ends_with_the_notice(edition: Edition) -> None:
    known = events("arrest@2026-01-15; HY-05 sent@2026-03-07")
    assert state_of(edition, "D36.custody", known, moment("2026-03-08")).phase is Phase.ENDED


def test_each_clock_warns_at_its_own_lead(edition: Edition) -> None:
    last_rows = {clock_id: known for clock_id, known, _ in TABLE}
    for clock_id, limit in edition.clocks.limits.items():
        known = events(last_rows[clock_id])
        due = state_of(edition, clock_id, known, moment("2028-01-01")).due
        assert due is not None
        first = min(lead.before(due) for lead in limit.leads)
        assert state_of(edition, clock_id, known, first).phase is Phase.WARNING, clock_id
        earlier = state_of(edition, clock_id, known, first - timedelta(minutes=1))
        assert earlier.phase in (Phase.RUNNING, Phase.NOT_OBSERVED), clock_id


@pytest.mark.parametrize(
    ("clock_id", "known", "remark"),
    [
        ("D02", "detention@2026-03-02; detention-extended@2026-03-03", Remark.LENGTH_NOT_STATED),
        ("D02", "detention@2026-03-02; detention-extended+9 days@2026-03-03", Remark.BEYOND_MAXIMUM),
        ("D05", "arrest@2026-03-02; custody-extended-156/upper_court@2026-04-20", Remark.OTHER_APPROVER),
        (
            "D05",
            "arrest@2026-03-02; custody-extended-156@2026-04-20; custody-extended-156@2026-04-21",
            Remark.TOO_OFTEN,
        ),
        ("D08", f"QS-01 {RECEIVED}@2026-03-02", Remark.CUSTODY_UNKNOWN),
        ("D38", "conditional-non-prosecution~2027-08-31@2025-08-31", Remark.BEYOND_MAXIMUM),
    ],
)
def test_what_a_supervisor_should_know(edition: Edition, clock_id: str, known: str, remark: Remark) -> None:
    assert remark in state_of(edition, clock_id, events(known), moment("2026-05-01")).remarks


def test_an_extension_by_another_approver_does_not_count(edition: Edition) -> None:
    known = events("arrest@2026-01-15; custody-extended-156/upper_court@2026-03-01")
    assert state_of(edition, "D05", known, moment("2026-03-02")).last_day == moment("2026-03-15").date()


def test_supplementary_investigations_count_across_jurisdictions(edition: Edition) -> None:
    known = "; ".join(
        f"QS-02 received by POLICE@2026-0{month}-01; QS-03 sent@2026-0{month}-20; QS-15 {RECEIVED}@2026-0{month}-25"
        for month in (1, 2)
    )
    twice = state_of(edition, "D10", events(known), moment("2026-02-28"))
    assert (twice.runs, twice.remarks) == (2, (Remark.CUSTODY_UNKNOWN,))
    third = state_of(
        edition, "D10", events(f"{known}; QS-02 received by POLICE@2026-03-02"), moment("2026-03-03")
    )
    assert (third.runs, Remark.MORE_RUNS_THAN_ALLOWED in third.remarks) == (3, True)


def test_an_evaluation_is_an_exclusion_and_suspends(edition: Edition) -> None:
    known = events(f"QS-01 {RECEIVED}@2026-03-02; psychiatric-evaluation-begun@2026-03-10")
    open_span = state_of(edition, "D37", known, moment("2026-03-20"))
    assert open_span.phase is Phase.RUNNING
    assert open_span.text().en == "time of a psychiatric evaluation: running"
    review = state_of(edition, "D08", known, moment("2026-06-20"))
    assert review.phase is Phase.SUSPENDED
    assert review.last_day == moment("2026-07-13").date()
    over = [*known, event("psychiatric-evaluation-ended@2026-03-25")]
    assert state_of(edition, "D37", over, moment("2026-03-26")).phase is Phase.ENDED


def test_the_procuratorates_own_investigation_never_restarts_the_review(edition: Edition) -> None:
    known = events(f"QS-01 {RECEIVED}@2026-01-31; own-investigation-begun@2026-02-10")
    longer = [*known, event("own-investigation-ended@2026-02-27")]
    assert state_of(edition, "D08", longer, moment("2026-02-28")).last_day == moment("2026-02-28").date()
    assert state_of(edition, "D39", longer, moment("2026-02-28")).phase is Phase.ENDED
    assert state_of(edition, "D39", events(f"QS-01 {RECEIVED}@2026-01-31"), moment("2026-02-28")).phase is (
        Phase.NOT_OBSERVED
    )


def test_a_request_before_the_last_extension_does_not_answer_for_the_next_end(edition: Edition) -> None:
    known = "arrest@2026-01-15; ZC-04 sent@2026-03-05"
    assert state_of(edition, "D07", events(known), moment("2026-03-06")).phase is Phase.ENDED
    extended = f"{known}; custody-extended-156@2026-03-10"
    assert state_of(edition, "D07", events(extended), moment("2026-03-11")).phase is Phase.RUNNING
    fully = f"{extended}; custody-extended-158@2026-04-01; custody-extended-159@2026-06-01"
    assert state_of(edition, "D07", events(fully), moment("2026-06-02")).phase is Phase.NOT_OBSERVED


@pytest.mark.parametrize("code", ["SP-01 sent", "QS-02 sent", "QS-08 sent"])
def test_answers_to_another_party_stop_a_clock_for_their_persons_only(edition: Edition, code: str) -> None:
    known = events(f"QS-01 {RECEIVED}#@2026-03-02; {code}#p2@2026-03-10")
    assert state_of(edition, "D08", known, moment("2026-03-11")).phase is Phase.RUNNING
    assert (
        state_of(edition, "D08", [*known, event(f"{code}@2026-03-10")], moment("2026-03-11")).phase
        is Phase.ENDED
    )
