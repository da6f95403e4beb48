"""Statistics: volume, time to arrive, first-pass rate and return reasons by month and party, as charts and CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request, Response

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_client.labels import PARTIES, party_name
from xietong_client.text import Language
from xietong_console.months import Month
from xietong_console.node import answer_of, failures_of
from xietong_console.web.console import console_of
from xietong_console.web.rendering import language_of, page
from xietong_console.web.security import Viewer

router = APIRouter()
SPANS = (3, 6, 12)
MOST_REASONS = 10
_COLUMNS = (
    "month",
    "sender",
    "receiver",
    "packages",
    "accepted",
    "returned",
    "rejected",
    "failed",
    "first_outcomes",
    "first_accepted",
    "arrived",
    "p50_seconds",
    "p95_seconds",
)

Pair = tuple[Party.ValueType, Party.ValueType]


@dataclass(slots=True)
class Row:
    """What there was between two parties in a month."""

    month: str
    sender: Party.ValueType
    receiver: Party.ValueType
    packages: int = 0
    accepted: int = 0
    returned: int = 0
    rejected: int = 0
    failed: int = 0
    first_outcomes: int = 0
    first_accepted: int = 0
    arrived: int = 0
    p50_seconds: float = 0.0
    p95_seconds: float = 0.0

    @property
    def first_pass(self) -> float | None:
        """The share of decided packages, corrections left out, that were accepted; None without any."""
        return self.first_accepted / self.first_outcomes if self.first_outcomes else None


@dataclass(frozen=True, slots=True)
class Report:
    """Rows of some months, and why packages were returned in them."""

    months: Sequence[str] = ()
    rows: Sequence[Row] = ()
    reasons: Sequence[tuple[str, Party.ValueType, int]] = field(default_factory=tuple)

    @classmethod
    def of(cls, months: Sequence[Month]) -> Report:
        """Everything of these months."""
        rows = [row for month in months for row in _rows(month)]
        counted: Counter[tuple[str, Party.ValueType]] = Counter()
        for month in months:
            for one in month.counts.return_reasons:
                counted[one.code, one.receiver] += one.package_count
        reasons = [(code, party, count) for (code, party), count in counted.most_common(MOST_REASONS)]
        return cls([month.name for month in months], rows, reasons)


@router.get("/statistics")
async def show_statistics(request: Request, _session: Viewer, months: str = "") -> Response:
    """Charts and a table."""
    span = _span(months)
    found = await answer_of(console_of(request).months.latest, span)
    report = Report.of(found.value or ())
    charts = _charts(report, language_of(request)) if report.rows else ()
    return page(
        request,
        "statistics.html",
        report=report,
        charts=charts,
        span=span,
        spans=SPANS,
        failures=failures_of(found),
    )


@router.get("/statistics.csv")
async def export_statistics(request: Request, _session: Viewer, months: str = "") -> Response:
    """The table for a spreadsheet: in UTF-8 with the mark by which spreadsheets know it."""
    found = await answer_of(console_of(request).months.latest, _span(months))
    if found.value is None:
        return page(request, "refused.html", back="/statistics", failures=[found.failure])
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow(_COLUMNS)
    for row in Report.of(found.value).rows:
        parties = {"sender": party_name(row.sender), "receiver": party_name(row.receiver)}
        writer.writerow([parties.get(name, getattr(row, name)) for name in _COLUMNS])
    return Response(
        output.getvalue().encode("utf-8-sig"),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="statistics.csv"'},
    )


def _span(months: str) -> int:
    return int(months) if months in map(str, SPANS) else SPANS[1]


def _rows(month: Month) -> Iterable[Row]:
    rows: dict[Pair, Row] = {}
    for count in month.counts.counts:
        row = rows.setdefault((count.sender, count.receiver), Row(month.name, count.sender, count.receiver))
        row.packages += count.package_count
        row.accepted += count.accepted_count
        row.returned += count.returned_count
        row.rejected += count.rejected_count
        row.failed += count.failed_count
        row.first_outcomes += count.first_outcome_count
        row.first_accepted += count.first_accepted_count
    for one in month.counts.arrivals:
        row = rows.setdefault((one.sender, one.receiver), Row(month.name, one.sender, one.receiver))
        row.arrived = one.package_count
        row.p50_seconds, row.p95_seconds = one.p50_seconds, one.p95_seconds
    return [rows[pair] for pair in sorted(rows)]


def _charts(report: Report, language: Language) -> list[dict[str, Any]]:
    """What the page's script draws: a title, the months, and a series for each pair of parties."""
    return [
        _chart(("数据包数量", "Packages"), "bar", report, language, lambda row: row.packages),
        _chart(("送达用时 P95（秒）", "Time to arrive, P95 (s)"), "line", report, language, _p95),
        _chart(("一次通过率（%）", "First-pass rate (%)"), "line", report, language, _first_pass),
    ]


def _p95(row: Row) -> float | None:
    return round(row.p95_seconds, 3) if row.arrived else None


def _first_pass(row: Row) -> float | None:
    return None if row.first_pass is None else round(100 * row.first_pass, 1)


def _chart(
    title: tuple[str, str], kind: str, report: Report, language: Language, value: Any
) -> dict[str, Any]:
    zh, en = title
    values = {(row.month, row.sender, row.receiver): value(row) for row in report.rows}
    pairs = sorted({(row.sender, row.receiver) for row in report.rows})
    return {
        "title": zh if language is Language.ZH else en,
        "kind": kind,
        "months": list(report.months),
        "series": [
            {
                "name": f"{PARTIES[sender].of(language)} → {PARTIES[receiver].of(language)}",
                "values": [values.get((month, sender, receiver)) for month in report.months],
            }
            for sender, receiver in pairs
        ],
    }
