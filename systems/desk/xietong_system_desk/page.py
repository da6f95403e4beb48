"""A plain HTML page of headings and tables. Whatever a package holds ends up as text, never as markup."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote
from xml.etree import ElementTree as ET

_STYLE = """
body { font: 15px/1.6 "Noto Serif SC", "Source Han Serif SC", "Songti SC", SimSun, serif; margin: 2em auto;
  max-width: 70em; padding: 0 1em; color: #222 }
h1 { font-size: 1.5em; border-bottom: 3px double #a00 }
h2 { font-size: 1.1em; margin: 1.6em 0 .4em; color: #a00 }
table { border-collapse: collapse; width: 100% }
th, td { border: 1px solid #bbb; padding: .25em .5em; text-align: left; vertical-align: top; unicode-bidi: isolate;
  overflow-wrap: anywhere }
th { background: #f4f0ea; white-space: nowrap }
"""
# The page needs nothing from anywhere: a reader that honours this runs no script, whatever slipped in.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
# C0 and C1 controls but tab and line feed, and the bidirectional overrides with which a name could show as another.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class FileLink:
    """A cell that opens a file lying beside the page."""

    name: str
    folder: str


Cell = str | int | FileLink
_IsHeader = Callable[[int, int], bool]


class Page:
    """A page in the making."""

    def __init__(self, title: str) -> None:
        self._html = ET.Element("html", {"lang": "zh-CN"})
        head = ET.SubElement(self._html, "head")
        ET.SubElement(head, "meta", {"charset": "utf-8"})
        ET.SubElement(head, "meta", {"http-equiv": "Content-Security-Policy", "content": _POLICY})
        _text(ET.SubElement(head, "title"), title)
        ET.SubElement(head, "style").text = _STYLE
        self._body = ET.SubElement(self._html, "body")
        _text(ET.SubElement(self._body, "h1"), title)

    def facts(self, heading: str, facts: Iterable[tuple[str, Cell]]) -> None:
        """A section of named values; empty values are left out, and so is a section without any."""
        rows = [[name, value] for name, value in facts if value not in ("", 0)]
        self._section(heading, rows, is_header=lambda _row, column: column == 0)

    def table(self, heading: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
        """A section with a table; without rows it is left out."""
        body = [list(row) for row in rows]
        if body:
            table: list[list[Cell]] = [list(columns), *body]
            self._section(heading, table, is_header=lambda row, _column: row == 0)

    def render(self) -> str:
        """The page as HTML."""
        return "<!DOCTYPE html>\n" + ET.tostring(self._html, encoding="unicode", method="html") + "\n"

    def _section(self, heading: str, rows: Sequence[Sequence[Cell]], *, is_header: _IsHeader) -> None:
        if not rows:
            return
        _text(ET.SubElement(self._body, "h2"), heading)
        table = ET.SubElement(self._body, "table")
        for row_number, row in enumerate(rows):
            line = ET.SubElement(table, "tr")
            for column, cell in enumerate(row):
                tag = "th" if is_header(row_number, column) else "td"
                _fill(ET.SubElement(line, tag), cell)


def _fill(element: ET.Element, cell: Cell) -> None:
    if isinstance(cell, FileLink):
        target = f"{quote(cell.folder)}/{quote(cell.name, safe='')}"
        element = ET.SubElement(element, "a", {"href": target})
        _text(element, cell.name)
    else:
        _text(element, str(cell))


def _text(element: ET.Element, text: str) -> None:
    element.text = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
