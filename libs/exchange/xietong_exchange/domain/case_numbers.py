"""Case numbers as people type them: brackets of both widths, letters of both cases."""

from __future__ import annotations

_WIDE = str.maketrans("()[]", "（）〔〕")
_NARROW = str.maketrans("（）〔〕", "()[]")


def spellings(typed: str) -> frozenset[str]:
    """The ways in which the number, or the beginning of one, may stand in an envelope."""
    plain = {typed, typed.upper()}
    return frozenset(
        {*plain, *(each.translate(_WIDE) for each in plain), *(each.translate(_NARROW) for each in plain)}
    )
