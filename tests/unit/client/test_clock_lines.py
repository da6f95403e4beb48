"""What the command `clocks` says of persons who left the case."""

from __future__ import annotations

from xietong.exchange.v1.envelope_pb2 import Party, PartyCaseNumber
from xietong.supervision.v1.clock_service_pb2 import GetCaseClocksResponse, MovedPersons
from xietong_client.cli.clocks import case_lines, case_view

MOVED = MovedPersons(
    person_ids=["p1", "p2"],
    person_count=2,
    collaboration_case_id="new",
    case_numbers=[PartyCaseNumber(party=Party.PARTY_POLICE, number="A1")],
)


def test_who_left_is_told_with_the_number_of_the_other_case() -> None:
    unknown = MovedPersons(person_ids=["p3"], person_count=1, collaboration_case_id="unseen")
    pages = [GetCaseClocksResponse(moved_persons=[MOVED, unknown])]
    said = [text for text, _ in case_lines("old", pages)]
    zh, en = "\n".join(text.zh for text in said), "\n".join(text.en for text in said)
    assert "p1、p2（2 人）：已移至案件 new（A1）" in zh
    assert "p1、p2 (2): moved to case new (A1)" in en
    assert "p3（1 人）：已移至案件 unseen，" in zh


def test_the_same_for_programs() -> None:
    view = case_view("old", [GetCaseClocksResponse(moved_persons=[MOVED])])
    [moved] = view["moved_persons"]
    assert (moved["person_ids"], moved["collaboration_case_id"]) == (["p1", "p2"], "new")
    assert moved["case_numbers"] == [{"party": "police", "number": "A1"}]
