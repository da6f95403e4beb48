"""The base of all errors that reach a caller, and what a violation of a rule looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from xietong.exchange.v1.error_reason_pb2 import ErrorReason
from xietong_exchange.domain.party import in_chinese

_NAMES_A_PARTY = ("party", "peer")
"""Facts that hold the name of a party, or of a caller."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One field or rule that is not met: path, stable rule code, and the text in both languages."""

    path: str
    rule: str
    text_en: str
    text_zh: str


class XietongError(Exception):
    """Base of all errors that reach a caller. Instances carry facts; classes carry code, policy, sentence."""

    reason: ClassVar[ErrorReason.ValueType]
    code: ClassVar[str]
    sentence_en: ClassVar[str]
    sentence_zh: ClassVar[str]
    retryable: ClassVar[bool] = False
    retry_after_seconds: ClassVar[float | None] = None

    def __init__(self, *, violations: tuple[Violation, ...] = (), **facts: object) -> None:
        self.violations = violations
        self.facts = {name: str(value)[:200] for name, value in facts.items()}
        super().__init__(self.sentence_en.format_map(self.facts))

    @property
    def message_en(self) -> str:
        """The sentence in English."""
        return str(self)

    @property
    def message_zh(self) -> str:
        """The sentence in Chinese, in which parties have their titles; the facts keep their names, for programs."""
        titled = {name: in_chinese(self.facts[name]) for name in _NAMES_A_PARTY if name in self.facts}
        return self.sentence_zh.format_map(self.facts | titled)

    @classmethod
    def reason_name(cls) -> str:
        """The reason as it stands in ErrorInfo: without the enum's prefix."""
        return ErrorReason.Name(cls.reason).removeprefix("ERROR_REASON_")
