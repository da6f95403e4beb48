"""Sets the documents and volumes as PDF with Typst.

The files are PDF/A-2u: every font is embedded as a subset, every glyph maps to Unicode, and a character that
the font lacks is an error. Nothing depends on the clock, on installed fonts or on chance.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import typst

from generate.sources import ROOT, Entry, document, load

TEMPLATES = ROOT / "templates"
FONTS = ROOT / "fonts"


@dataclass(frozen=True)
class Typeset:
    """A finished PDF and what a catalogue says about it. `items` are the marks of a volume, in order."""

    pdf: bytes
    page_count: int
    seal_count: int
    items: tuple[Entry, ...] = ()


@cache
def typeset_document(key: str) -> Typeset:
    """Sets the document of this key in documents.yaml."""
    compiler = _compiler("document")
    entry = document(key)
    pdf = _pdf(compiler, {"document": key}, entry["date"])
    return Typeset(pdf, _page_count(compiler), len(_marks(compiler, "seal")))


@cache
def typeset_volume(key: str) -> Typeset:
    """Sets the volume of this key in dossier.yaml."""
    compiler = _compiler("volume")
    pdf = _pdf(compiler, {"volume": key}, load("dossier")["volumes"][key]["date"])
    items = tuple(_marks(compiler, "volume-item"))
    return Typeset(pdf, _page_count(compiler), len(_marks(compiler, "seal")), items)


def draw_frames(frame_count: int, pixels_per_inch: float) -> list[bytes]:
    """Draws the frames of the recorded interrogation, each as a PNG."""
    compiler = _compiler("frames")
    pages = compiler.compile(format="png", ppi=pixels_per_inch, sys_inputs={"frame-count": str(frame_count)})
    return pages if isinstance(pages, list) else [pages or b""]


def _compiler(template: str) -> typst.Compiler:
    fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[FONTS])
    return typst.Compiler(TEMPLATES / f"{template}.typ", root=ROOT, font_paths=fonts)


def _pdf(compiler: typst.Compiler, inputs: dict[str, str], date: str) -> bytes:
    """The PDF, created at nine in the morning of its date as far as it says."""
    created = int(datetime.fromisoformat(f"{date}T09:00:00+08:00").timestamp())
    pdf = compiler.compile(
        format="pdf", pdf_standards="a-2u", pdf_tags=False, sys_inputs=inputs, timestamp=created
    )
    if not isinstance(pdf, bytes):
        raise TypeError(f"typst returned {type(pdf).__name__} for {inputs}, not one PDF")
    return pdf


def _page_count(compiler: typst.Compiler) -> int:
    return int(_marks(compiler, "page-count")[0])


def _marks(compiler: typst.Compiler, label: str) -> list[Any]:
    """The values of the marks that the last compilation left under this label, in order."""
    marks: list[Any] = json.loads(compiler.query(f"<{label}>", field="value"))
    return marks
