"""Where suspects stand: a case from detention to prison, its side ways, and packages that make no sense."""

from __future__ import annotations

import pytest
from tests.unit.standard.clock_events import PERSON, events, moment
from tests.unit.standard.packages import package

from xietong_standard import RULES, Edition, Severity, validate
from xietong_standard.lifecycle import Position, Sense, SuspectState, case_summary, sense_of, suspect_states

NOW = moment("2027-01-01")
ARRESTED = "ZC-03 sent@2026-01-02; detention@2026-01-02; PB-01 sent@2026-01-05; PB-02 sent@2026-01-10"
ARRESTED += "; arrest@2026-01-11"
AT_PROSECUTION = f"{ARRESTED}; QS-01 sent@2026-03-01"
AT_COURT = (
    f"{AT_PROSECUTION}; SP-01 sent@2026-03-20; SP-01 received by COURT@2026-03-21; SP-02 sent@2026-03-25"
)
JUDGED = f"{AT_COURT}; SP-19 sent@2026-05-01; SP-19 received by PROCURATORATE@2026-05-02"


def state_of(edition: Edition, known: str, person_id: str = PERSON) -> SuspectState:
    (state,) = suspect_states(edition.lifecycle, events(known), [person_id], now=NOW)
    return state


@pytest.mark.parametrize(
    ("known", "procedure", "measure"),
    [
        ("", "", ""),
        ("LA-01 sent@2026-01-01", "FILED", ""),
        ("ZC-03 sent@2026-01-02; detention@2026-01-02", "INVESTIGATING", "DETAINED"),
        ("PB-01 sent@2026-01-05", "ARREST_REVIEW", ""),
        (ARRESTED, "INVESTIGATING", "ARRESTED"),
        ("PB-01 sent@2026-01-05; PB-03 sent@2026-01-10; bail@2026-01-11", "INVESTIGATING", "BAIL"),
        (f"{ARRESTED}; ZC-08 sent@2026-02-01; release@2026-02-01", "WITHDRAWN_BY_POLICE", "NONE"),
        (AT_PROSECUTION, "PROSECUTION_REVIEW", "ARRESTED"),
        (f"{AT_PROSECUTION}; QS-02 sent@2026-03-20", "SUPPLEMENTARY_INVESTIGATION_1", "ARRESTED"),
        (f"{AT_PROSECUTION}; QS-02 sent@2026-03-20; QS-03 sent@2026-04-10", "PROSECUTION_REVIEW", "ARRESTED"),
        (
            (
                f"{AT_PROSECUTION}; QS-02 sent@2026-03-20; QS-03 sent@2026-04-10; QS-15 sent@2026-04-15; "
                "QS-02 sent@2026-05-01"
            ),
            "SUPPLEMENTARY_INVESTIGATION_2",
            "ARRESTED",
        ),
        (f"{AT_PROSECUTION}; QS-14 sent@2026-03-20", "CONDITIONAL_NON_PROSECUTION", "ARRESTED"),
        (f"{AT_PROSECUTION}; QS-08 sent@2026-03-20; release@2026-03-20", "NOT_PROSECUTED", "NONE"),
        (AT_COURT, "TRIAL_1", "ARRESTED"),
        (f"{AT_PROSECUTION}; SP-01 sent@2026-03-20; SP-04 sent@2026-03-25", "PROSECUTION_REVIEW", "ARRESTED"),
        (f"{AT_COURT}; SP-10 sent@2026-04-01", "ADJOURNED", "ARRESTED"),
        (f"{AT_COURT}; SP-10 sent@2026-04-01; SP-11 sent@2026-04-20", "TRIAL_1", "ARRESTED"),
        (f"{AT_COURT}; trial-suspended@2026-04-01", "SUSPENDED", "ARRESTED"),
        (f"{AT_COURT}; trial-suspended@2026-04-01; trial-resumed@2026-04-20", "TRIAL_1", "ARRESTED"),
        (f"{AT_COURT}; SP-13 sent@2026-04-01; SP-14 sent@2026-04-05", "PROSECUTION_WITHDRAWN", "ARRESTED"),
        (JUDGED, "APPEAL_WINDOW", "ARRESTED"),
        (f"{JUDGED}; SP-21 sent@2026-05-15", "TRIAL_2", "ARRESTED"),
        (f"{JUDGED}; SP-20 sent@2026-05-10; SP-25 sent@2026-07-15", "TRIAL_1", "ARRESTED"),
        (f"{JUDGED}; SP-21 sent@2026-05-15; SP-24 sent@2026-07-15", "EFFECTIVE", "ARRESTED"),
        (f"{JUDGED}; judgment-effective@2026-05-13; ZX-01 sent@2026-05-20", "EXECUTION_DELIVERY", "ARRESTED"),
        (
            f"{JUDGED}; ZX-01 sent@2026-05-20; ZX-02 sent@2026-06-01; ZX-03 sent@2026-06-02",
            "IN_PRISON",
            "ARRESTED",
        ),
        (
            f"{JUDGED}; judgment-effective@2026-05-13; SJ-03 sent@2026-05-15",
            "IN_COMMUNITY_CORRECTION",
            "ARRESTED",
        ),
        (
            f"{JUDGED}; judgment-effective@2026-05-13; SJ-03 sent@2026-05-15; SJ-11 sent@2026-11-13",
            "SENTENCE_SERVED",
            "ARRESTED",
        ),
    ],
)
def test_where_a_suspect_stands(edition: Edition, known: str, procedure: str, measure: str) -> None:
    state = state_of(edition, known)
    assert (state.procedure.state, state.measure.state) == (procedure, measure)
    assert state.unexpected == ()


def test_order_and_repetition_do_not_matter(edition: Edition) -> None:
    known = events(JUDGED)
    (expected,) = suspect_states(edition.lifecycle, known, [PERSON], now=NOW)
    assert suspect_states(edition.lifecycle, [*reversed(known), *known], [PERSON], now=NOW) == (expected,)


def test_one_package_for_each_receiver_is_one_step(edition: Edition) -> None:
    state = state_of(
        edition, f"{JUDGED}; SP-19 sent by COURT@2026-05-03; ZX-01 sent@2026-05-20; ZX-01 sent@2026-05-21"
    )
    assert state.procedure.state == "EXECUTION_DELIVERY"
    assert state.unexpected == ()


def test_a_third_return_is_noted_and_followed(edition: Edition) -> None:
    known = "; ".join(f"QS-02 sent@2026-0{month}-01; QS-03 sent@2026-0{month}-20" for month in (4, 5, 6))
    state = state_of(edition, f"{AT_PROSECUTION}; {known}")
    assert [(one.event.code, one.state, one.sense) for one in state.unexpected] == [
        ("QS-02", "PROSECUTION_REVIEW", Sense.TOO_OFTEN)
    ]
    assert state.procedure.state == "PROSECUTION_REVIEW"


def test_an_event_in_another_state_is_noted_and_followed(edition: Edition) -> None:
    state = state_of(edition, f"{ARRESTED}; SP-19 sent@2026-05-01")
    assert [(one.state, one.sense) for one in state.unexpected] == [("INVESTIGATING", Sense.OTHER_STATE)]
    assert state.procedure.state == "JUDGED_1"


def test_suspects_part_ways(edition: Edition) -> None:
    known = events("QS-01 sent#@2026-03-01; QS-08 sent#p1@2026-03-20; SP-01 sent#p2@2026-03-21")
    states = suspect_states(edition.lifecycle, known, ["p1", "p2"], now=NOW)
    assert case_summary(states) == {"NOT_PROSECUTED": ("p1",), "INDICTED": ("p2",)}


def test_an_appeal_of_one_brings_the_whole_case_up(edition: Edition) -> None:
    known = events(f"{JUDGED.replace('@', '#@')}; SP-21 sent#p1@2026-05-15")
    states = suspect_states(edition.lifecycle, known, ["p1", "p2"], now=NOW)
    assert case_summary(states) == {"TRIAL_2": ("p1", "p2")}


@pytest.mark.parametrize(
    ("state", "process", "sense"),
    [
        ("", "SP-19", Sense.FITS),
        ("INVESTIGATING", "PB-01", Sense.FITS),
        ("INVESTIGATING", "ZC-04", Sense.FITS),
        ("INVESTIGATING", "SP-19", Sense.OTHER_STATE),
        ("NOT_PROSECUTED", "ZC-04", Sense.OTHER_STATE),
        ("NOT_PROSECUTED", "QS-09", Sense.FITS),
        ("IN_PRISON", "PB-01", Sense.OTHER_STATE),
        ("IN_PRISON", "JY-01", Sense.FITS),
        ("IN_PRISON", "JD-11", Sense.FITS),
    ],
)
def test_what_makes_sense_where(edition: Edition, state: str, process: str, sense: Sense) -> None:
    assert sense_of(edition.lifecycle.procedure, Position(state), process) is sense


@pytest.mark.parametrize(
    ("position", "process", "rule"),
    [
        (Position("PROSECUTION_REVIEW"), "PB-01", "XT-LIF-01"),
        (Position("INVESTIGATING"), "PB-01", ""),
        (
            Position(
                "PROSECUTION_REVIEW",
                visits={"SUPPLEMENTARY_INVESTIGATION_1": 1, "SUPPLEMENTARY_INVESTIGATION_2": 1},
            ),
            "QS-02",
            "XT-LIF-02",
        ),
        (Position("PROSECUTION_REVIEW", visits={"SUPPLEMENTARY_INVESTIGATION_1": 1}), "QS-02", ""),
    ],
)
def test_a_package_that_makes_no_sense_is_a_warning(
    edition: Edition, position: Position, process: str, rule: str
) -> None:
    manifest = package(edition.process(process))
    suspect = manifest.persons[0]
    suspect.collaboration_person_id = PERSON
    verdicts = [
        validate(
            manifest,
            process,
            edition,
            sender="POLICE" if process == "PB-01" else "PROCURATORATE",
            receiver="PROCURATORATE" if process == "PB-01" else "POLICE",
            positions=positions,
        )
        for positions in ({PERSON: position}, {"somebody": position}, None)
    ]
    found = [[one for one in verdict.findings if one.rule.startswith("XT-LIF")] for verdict in verdicts]
    assert [one.rule for one in found[0]] == ([rule] if rule else [])
    assert found[1:] == [[], []]
    for finding in found[0]:
        assert finding.severity is RULES[rule].severity is Severity.WARNING
        assert finding.path == "persons[0]"
        assert all((finding.zh, finding.en, finding.remedy_zh, finding.remedy_en, finding.basis))
        assert "{" not in finding.zh + finding.en + finding.remedy_zh + finding.remedy_en


def test_every_state_has_both_names_and_ends_are_known(edition: Edition) -> None:
    states = edition.lifecycle.procedure.states
    assert len(states) == 33
    assert all(state.name.zh and state.name.en for state in states.values())
    assert {code for code, state in states.items() if state.terminal} == {
        "NOT_FILED",
        "WITHDRAWN_BY_POLICE",
        "NOT_PROSECUTED",
        "PROSECUTION_WITHDRAWN",
        "TERMINATED",
        "ACQUITTED",
        "SENTENCE_SERVED",
        "CLOSED",
    }
    assert {point.item for point in edition.lifecycle.unsure} == {"SP-14", "ZX-03", "JD-07"}
