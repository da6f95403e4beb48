"""A small case folder for tests."""

from __future__ import annotations

from pathlib import Path

PACKAGE = """\
process: PB-01
edition: "2026.1"
from: police
to: [procuratorate]
organ_code: "440199000000"
case_number: A４４０１99〔２０２６〕１号
classification: UNCLASSIFIED
actor: {organ_code: "440199000000", handler_ref: P-0001}
contributions:
  - system: case-handling
    name: case-data
    data: case-data.yaml
    files: documents/
"""
CASE_DATA = """\
case:
  name: 样本某盗窃案
  filing_date: 2026-03-10
persons:
  - id: p1
    name: 样本·某
parts:
  - name: 提请批准逮捕书.pdf
    kind: PART_KIND_DOCUMENT
    media_type: application/pdf
"""


def write_folder(parent: Path, package: str = PACKAGE, data: str = CASE_DATA, name: str = "01-PB-01") -> Path:
    """Writes the folder and its one document."""
    folder = parent / name
    (folder / "documents").mkdir(parents=True)
    (folder / "package.yaml").write_text(package, encoding="utf-8")
    (folder / "case-data.yaml").write_text(data, encoding="utf-8")
    (folder / "documents" / "提请批准逮捕书.pdf").write_bytes(b"%PDF-1.7 synthetic\n" * 50)
    return folder
