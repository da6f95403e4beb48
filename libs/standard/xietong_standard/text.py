"""Text that users read: always Chinese and English together, so that neither can be forgotten."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """The same text in Chinese and English."""

    zh: str
    en: str
