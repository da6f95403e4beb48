"""Any exception as the error that a caller may see: no driver's text, path or defect crosses the wire.

Ports turn what their drivers raise into errors of the domain; what still arrives here raw is a defect.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Final

from opentelemetry import trace

from xietong_exchange.domain.errors import InternalError, XietongError

_INCIDENT_BYTES: Final = 8


def incident_id() -> str:
    """The id of the current call in traces and logs: its trace id, or 16 random hex digits."""
    span = trace.get_current_span().get_span_context()
    return trace.format_trace_id(span.trace_id) if span.is_valid else secrets.token_hex(_INCIDENT_BYTES)


def to_error(failure: BaseException, *, incident: str) -> XietongError:
    """The error that stands for an exception; of a group, the first one that says something."""
    for one in leaves(failure):
        if isinstance(one, XietongError):
            return one
    return InternalError(incident=incident)


def leaves(failure: BaseException) -> Iterator[BaseException]:
    """The exceptions of a group, in order; of anything else itself."""
    if isinstance(failure, BaseExceptionGroup):
        for part in failure.exceptions:
            yield from leaves(part)
    else:
        yield failure
