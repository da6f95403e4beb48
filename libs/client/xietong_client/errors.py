"""What can go wrong, as callers of the SDK see it: one base class, and one per thing that a caller would do.

`reason` tells exactly what happened, the class tells how to react. Local failures carry reasons of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import grpc

from xietong_client.text import NO_TEXT, Language, Text


@dataclass(frozen=True, slots=True)
class Violation:
    """One field or rule that is not met. `rule` is the stable code of the rule, empty when there is none."""

    path: str
    rule: str
    text: Text


@dataclass(eq=False, kw_only=True)
class XietongClientError(Exception):
    """Base of all errors of this SDK.

    Attributes:
        reason: A value of the contract's `ErrorReason` without prefix, or a reason of this SDK.
        text: What happened, and for errors of the node also how to mend it.
        remedy: How to mend it, where `text` does not say so.
        code: The gRPC status code; None for what happened on this side.
        violations: The fields or rules that are not met, at most 20.
        violation_count: How many there are in all.
        retry_after: The pause for which the node asked.
        incident_id: What to tell the operators of the node; empty when there is no incident.
        is_transient: Whether the same call may succeed a moment later.
    """

    reason: str
    text: Text
    remedy: Text = NO_TEXT
    code: grpc.StatusCode | None = None
    violations: tuple[Violation, ...] = ()
    violation_count: int = 0
    retry_after: timedelta | None = None
    incident_id: str = ""
    is_transient: bool = False

    def __str__(self) -> str:
        return self.describe(Language.EN)

    @property
    def message_zh(self) -> str:
        """The text in Chinese."""
        return self.text.of(Language.ZH)

    @property
    def message_en(self) -> str:
        """The text in English."""
        return self.text.of(Language.EN)

    def describe(self, language: Language) -> str:
        """Reason, text, remedy and incident in one line, the violations below it."""
        remedy = f" {self.remedy.of(language)}" if self.remedy.of(language) else ""
        incident = f" [{self.incident_id}]" if self.incident_id else ""
        head = f"{self.reason}: {self.text.of(language)}{remedy}{incident}"
        return "\n".join([head, *(f"  {v.path}: {v.text.of(language)}" for v in self.violations)])


class Unreachable(XietongClientError):
    """The node did not answer, or the connection broke and did not come back in time."""


class NotAllowed(XietongClientError):
    """The node knows the caller and does not let it do this, or does not accept its certificate."""


class NotFound(XietongClientError):
    """There is no such package, draft or part that the caller may see."""


class ContentInvalid(XietongClientError):
    """What was to be sent breaks a rule of the contract or of the data standard."""


class Conflict(XietongClientError):
    """The state of the package or draft, or something done before, does not allow this."""


class Refused(XietongClientError):
    """The node refuses for another reason: no route, a limit, no space."""


class NodeDefect(XietongClientError):
    """A defect of the node; `incident_id` is for its operators."""


class SettingsInvalid(XietongClientError):
    """Something about the connection is not set, or not as it should be."""


class CredentialsInvalid(SettingsInvalid):
    """Certificate, key or CA are missing, do not belong together or are out of date."""


class FileChanged(ContentInvalid):
    """A file was changed while it was being sent."""


class ContentMismatch(XietongClientError):
    """What was received does not have the digest that the sender sealed."""


class LocalStorageFailed(XietongClientError):
    """A file on this side could not be read or written."""


def local_storage_failed(error: OSError, what: str) -> LocalStorageFailed:
    """An error of the operating system on the file `what`, as an error of the SDK."""
    if isinstance(error, FileExistsError):
        path = error.filename or what
        return LocalStorageFailed(
            reason="LOCAL_STORAGE_FAILED",
            text=Text(f"{path} 是文件，不是文件夹。", f"{path} is a file, not a folder."),
            remedy=Text("请另选文件夹。", "Name another folder."),
        )
    why = error.strerror or type(error).__name__
    return LocalStorageFailed(
        reason="LOCAL_STORAGE_FAILED",
        text=Text(f"本机文件 {what} 读写失败（{why}）。", f"{what} cannot be read or written ({why})."),
        remedy=Text(
            "请检查磁盘空间和文件权限后重试，已完成的部分会保留。",
            "Check free space and permissions and run again; what is complete is kept.",
        ),
    )
