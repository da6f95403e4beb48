"""What the command's exit code tells a script; documented in docs/reference/cli.md."""

from __future__ import annotations

from enum import IntEnum

from xietong_client.errors import (
    Conflict,
    ContentInvalid,
    ContentMismatch,
    SettingsInvalid,
    Unreachable,
    XietongClientError,
)


class ExitCode(IntEnum):
    """Exit codes of all commands."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    UNREACHABLE = 3
    CONTENT_INVALID = 4
    CONFLICT = 5
    INTERRUPTED = 130


_BY_CLASS: tuple[tuple[type[XietongClientError], ExitCode], ...] = (
    (SettingsInvalid, ExitCode.USAGE),
    (Unreachable, ExitCode.UNREACHABLE),
    (ContentInvalid, ExitCode.CONTENT_INVALID),
    (ContentMismatch, ExitCode.CONTENT_INVALID),
    (Conflict, ExitCode.CONFLICT),
)
# The node's certificate is not trusted: it answers, but not as the node that was meant.
_BY_REASON = {"NODE_CERTIFICATE_REFUSED": ExitCode.UNREACHABLE}


def exit_code_of(error: XietongClientError) -> ExitCode:
    """The exit code for an error."""
    if error.reason in _BY_REASON:
        return _BY_REASON[error.reason]
    return next((code for kind, code in _BY_CLASS if isinstance(error, kind)), ExitCode.REFUSED)
