"""Text that users read: always Chinese and English together, so that neither can be forgotten."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from enum import StrEnum


class Language(StrEnum):
    """A language of the texts."""

    ZH = "zh"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Text:
    """The same text in Chinese and English."""

    zh: str
    en: str

    def of(self, language: Language) -> str:
        """The text in one language; in the other one when this one is empty."""
        return (self.zh or self.en) if language is Language.ZH else (self.en or self.zh)


NO_TEXT = Text("", "")


def print_on_any_terminal() -> None:
    """Characters that the terminal lacks appear as escapes from now on, instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
