"""What another node answered instead of a result; its reason may be one that is unknown here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xietong_exchange.domain.errors.base import Violation

_NO_FACTS: Mapping[str, str] = MappingProxyType({})


class RemoteRefusal(Exception):
    """The other side refused a call or a transfer.

    Not a XietongError: whoever called decides what it means for his own caller, if he has one.

    reason: name as in ErrorInfo, e.g. `STORAGE_FULL`; empty when the answer named none.
    code: name of the gRPC code, e.g. `RESOURCE_EXHAUSTED`.
    message_en, message_zh: the sentence; it ends in the remedy.
    violations: those that the answer had room for; `facts["violation_count"]` counts all.
    facts: what ErrorInfo tells about the error, e.g. `expected` of a chunk out of order.
    retry_after_seconds: when the other side asks to try again; None when it does not say.
    retryable: whether a later try of the same may succeed.
    """

    def __init__(
        self,
        *,
        reason: str,
        code: str,
        message_en: str,
        message_zh: str,
        violations: tuple[Violation, ...] = (),
        facts: Mapping[str, str] = _NO_FACTS,
        retry_after_seconds: float | None = None,
        retryable: bool = False,
    ) -> None:
        super().__init__(f"{reason or code}: {message_en}")
        self.reason = reason
        self.code = code
        self.message_en = message_en
        self.message_zh = message_zh
        self.violations = violations
        self.facts = facts
        self.retry_after_seconds = retry_after_seconds
        self.retryable = retryable

    def reason_name(self) -> str:
        """The reason, or the code when the answer named none."""
        return self.reason or self.code
