"""JSON logs: who, in which trace and package; never the text of an exception."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from tests.unit.exchange.packages import new_envelope, sealed_package

from xietong_exchange.flow.tracing import package_span
from xietong_exchange.runtime.logs import JsonFormatter

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def written(message: str, *values: object, error: bool = False, **extra: str) -> dict[str, Any]:
    record = logging.LogRecord("flow", logging.WARNING, "courier.py", 1, message, values, None)
    record.exc_info = sys.exc_info() if error else None
    record.__dict__.update(extra)
    line = JsonFormatter("court").format(record)
    assert "\n" not in line
    fields: dict[str, Any] = json.loads(line)
    return fields


def test_a_line_names_party_trace_and_package() -> None:
    envelope = new_envelope(b"part")
    envelope.trace_context.traceparent = f"00-{TRACE}-00f067aa0ba902b7-01"
    package = sealed_package(envelope)
    with package_span("transfer", package):
        inside = written("%d tries", 3)
    assert (inside["party"], inside["level"], inside["message"]) == ("court", "WARNING", "3 tries")
    assert (inside["trace_id"], inside["package_id"]) == (TRACE, package.package_id)
    assert not {"trace_id", "package_id"} & written("outside").keys()
    assert written("of a delivery", package_id=package.package_id)["package_id"] == package.package_id


def test_an_exception_is_told_without_its_text() -> None:
    told: dict[str, Any] = {}
    try:
        int("张三 440199000001")
    except ValueError:
        told = written("a task failed", error=True)
    assert told["exception"][0] == "ValueError"
    assert "test_an_exception_is_told_without_its_text" in told["exception"][1]
    assert "张三" not in json.dumps(told, ensure_ascii=False)


def test_what_would_break_the_line_is_escaped() -> None:
    assert written('first\nsecond "quoted"')["message"] == 'first\nsecond "quoted"'
