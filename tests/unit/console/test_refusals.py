"""A refused form keeps what was typed while its page is shown, knows what is wrong where, and fills no memory."""

from __future__ import annotations

import pytest

from xietong_client import ContentInvalid, Text, Violation
from xietong_console import refusals
from xietong_console.refusals import Fields, Filled, Refusal, Refusals

PAGE, ACTION = "/standard/changes/new", "/standard/changes"
NO_CODE, EMPTY = Text("不是流程代码", "no code of a process"), Text("必填", "must be given")


def refused(page: str = PAGE) -> Refusal:
    violations = (Violation("draft.process_codes[1]", "", NO_CODE), Violation("draft.title", "", EMPTY))
    failure = ContentInvalid(reason="INVALID_FIELD", text=EMPTY, violations=violations)
    typed = Fields([("title", ""), ("parties", "court"), ("parties", "police"), ("process_codes", "PB-01 x")])
    return Refusal(ACTION, page, typed, failure)


def test_what_was_typed_stands_in_the_form_again() -> None:
    said = Filled(ACTION, refused())
    assert said.text("process_codes", "as the page has it") == "PB-01 x"
    assert said.text("title", "as the page has it") == "", "what was emptied stays empty"
    assert [said.has("parties", one, otherwise=True) for one in ("court", "hub", "police")] == [
        True,
        False,
        True,
    ]


def test_each_field_says_what_is_wrong_with_it() -> None:
    said = Filled(ACTION, refused())
    assert said.wrong("process_codes") == [NO_CODE]
    assert said.wrong("title") == [EMPTY]
    assert said.wrong("codes") == said.wrong("parties") == []


@pytest.mark.parametrize("refusal", [None, refused()])
def test_other_forms_of_the_page_are_as_the_page_has_them(refusal: Refusal | None) -> None:
    said = Filled("/elsewhere", refusal)
    assert said.text("title", "as the page has it") == "as the page has it"
    assert said.has("parties", "hub", otherwise=True)
    assert said.wrong("title") == []


def test_it_is_kept_while_its_page_is_shown() -> None:
    kept = Refusals()
    kept.put("ann", refused())
    assert kept.on("ann", PAGE) is kept.on("ann", PAGE) is not None
    assert kept.on("bob", PAGE) is None
    assert kept.on("ann", "/packages") is None
    assert kept.on("ann", PAGE) is None, "the page was left"


def test_there_are_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "MOST_REFUSALS", 2)
    kept = Refusals()
    for session in ("ann", "bob", "ann", "eve"):
        kept.put(session, refused())
    assert [kept.on(session, PAGE) is not None for session in ("ann", "bob", "eve")] == [True, False, True]
