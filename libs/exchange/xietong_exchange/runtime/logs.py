"""Logs for programs: one JSON object a line, with the party, and the trace and package in whose work it was written.

Of exceptions the class and the places in the code are told, never the text: it may name files or persons.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from opentelemetry import trace

from xietong_exchange.flow.tracing import current_package_id

RECENT_LINES = 200
RECENT_LINE_CHARACTERS = 1_000


class JsonFormatter(logging.Formatter):
    """Formats a record of this party's node."""

    def __init__(self, party: str) -> None:
        super().__init__()
        self._party = party

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line; what is not known is left out."""
        span = trace.get_current_span().get_span_context()
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "party": self._party,
            "trace_id": trace.format_trace_id(span.trace_id) if span.is_valid else "",
            "package_id": getattr(record, "package_id", "") or current_package_id(),
            "exception": _exception(record),
        }
        return json.dumps({name: value for name, value in fields.items() if value}, ensure_ascii=False)


def _exception(record: logging.LogRecord) -> list[str]:
    if not record.exc_info or record.exc_info[0] is None:
        return []
    kind, _, places = record.exc_info
    frames = traceback.extract_tb(places)
    return [
        kind.__name__,
        *(f"{frame.name} ({frame.filename.rpartition('/')[2]}:{frame.lineno})" for frame in frames),
    ]


class RecentLog(logging.Handler):
    """Keeps the latest warnings and errors of the engine in memory, for the diagnostics bundle."""

    def __init__(self, party: str) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(JsonFormatter(party))
        self._lines: deque[str] = deque(maxlen=RECENT_LINES)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the beginning of the line."""
        self._lines.append(self.format(record)[:RECENT_LINE_CHARACTERS])

    def lines(self) -> list[str]:
        """The latest last."""
        return list(self._lines)


@contextmanager
def recent_log(party: str) -> Iterator[RecentLog]:
    """Listens while the block runs."""
    handler, engine = RecentLog(party), logging.getLogger("xietong_exchange")
    engine.addHandler(handler)
    try:
        yield handler
    finally:
        engine.removeHandler(handler)


def write_json(party: str) -> None:
    """From now on all that this process logs is JSON."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(JsonFormatter(party))
