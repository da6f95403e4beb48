"""Forms that were refused: what was typed stands in them again, with what is wrong, until their page is left."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass

from starlette.datastructures import ImmutableMultiDict

from xietong_client import Text, XietongClientError

MOST_REFUSALS = 200
"""The oldest goes first; a form has 256 KiB at most."""
Fields = ImmutableMultiDict[str, str]
"""The fields of a form; of one that is given several times, the last is taken unless all are asked for."""
_FIELD = re.compile(r"(\w+)(?:\[\d+\])?$")
"""The name of a field at the end of its path in the contract, such as `draft.process_codes[2]`."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was typed into the form that leads to `action`, on which page, and why the node refused it."""

    action: str
    page: str
    fields: Fields
    failure: XietongClientError


class Refusals:
    """The last refusal of each session."""

    def __init__(self) -> None:
        self._by_session: OrderedDict[str, Refusal] = OrderedDict()

    def put(self, session: str, refusal: Refusal) -> None:
        """Keep it until another page is shown."""
        self.drop(session)
        while len(self._by_session) >= MOST_REFUSALS:
            self._by_session.popitem(last=False)
        self._by_session[session] = refusal

    def on(self, session: str, page: str) -> Refusal | None:
        """What was refused on this page; what was on another is forgotten."""
        refusal = self._by_session.get(session)
        if refusal is not None and refusal.page != page:
            self.drop(session)
            return None
        return refusal

    def drop(self, session: str) -> None:
        """Forget it."""
        self._by_session.pop(session, None)


class Filled:
    """What stands in the fields of one form: what was typed, if it was refused, and else what the page puts there."""

    def __init__(self, action: str, refusal: Refusal | None) -> None:
        self._refusal = refusal if refusal is not None and refusal.action == action else None

    def text(self, name: str, otherwise: str) -> str:
        """The text of a field."""
        return otherwise if self._refusal is None else self._refusal.fields.get(name, "")

    def has(self, name: str, value: str, *, otherwise: bool) -> bool:
        """Whether a value is chosen or ticked."""
        return otherwise if self._refusal is None else value in self._refusal.fields.getlist(name)

    def wrong(self, name: str) -> list[Text]:
        """What is wrong with a field, which has the name that the contract gives it."""
        violations = () if self._refusal is None else self._refusal.failure.violations
        named = [(_FIELD.search(violation.path), violation.text) for violation in violations]
        return [text for found, text in named if found is not None and found[1] == name]
