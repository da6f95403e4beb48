"""The table at the end of a run: everything is there and whole, however narrow the terminal is."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from xietong_demo.report import PackageLine, print_table

LINES = [
    PackageLine(
        package_id=f"package-{number}",
        folder=folder,
        process="PB-01",
        sender="procuratorate",
        receiver="procuratorate",
        size_bytes=size_bytes,
        parts=11,
        hops=2,
        state="ACCEPTED",
        seconds=12.345,
        trace_id=f"{number:032x}",
        seal="",
        bytes_equal=equal,
    )
    for number, (folder, size_bytes, equal) in enumerate(
        [("01-PB-01", 1_074_610_791, True), ("04-QS-01-correction", 942_145, False)], start=1
    )
]


@pytest.mark.parametrize(("width", "lines_each"), [(80, 2), (100, 2), (150, 1)])
def test_no_value_is_folded_or_cut(width: int, lines_each: int) -> None:
    output = io.StringIO()
    print_table(Console(file=output, width=width), LINES)
    shown = output.getvalue()
    for line in LINES:
        for value in (line.folder, line.trace_id, f"{line.size_bytes:,}", f"{line.seconds:.2f}"):
            assert value in shown.split()
    assert shown.split().count("procuratorate") == 2 * len(LINES)
    assert ("是 yes" in shown, "否 NO" in shown) == (True, True)
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= width
    body = shown.splitlines()[shown.count("\n") - lines_each * len(LINES) :]
    assert LINES[0].folder in body[0]


def test_the_head_names_every_column_in_both_languages() -> None:
    for width in (80, 150):
        output = io.StringIO()
        print_table(Console(file=output, width=width), LINES)
        for word in (
            "folder",
            "从",
            "from",
            "至",
            "to",
            "size",
            "parts",
            "hops",
            "state",
            "seconds",
            "equal",
        ):
            assert word in output.getvalue().replace("\n", " ").split()
