"""The folders of a desk: case folders are dropped here, results and received packages appear here."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE_FILE = "package.yaml"
_RESULT_SUFFIX = ".result.json"


@dataclass(frozen=True, slots=True)
class DeskFolders:
    """Where a desk works.

    `outgoing/` takes case folders to send, `replies/` those that answer or correct something. Beside each its result
    appears as `<name>.result.json`. `received/<package id>/` holds what arrived, `answered/` the case data of own
    packages that were answered. A name that begins with a dot is not looked at: copy under such a name, then rename.
    """

    root: Path

    @property
    def outgoing(self) -> Path:
        """Case folders to send."""
        return self.root / "outgoing"

    @property
    def replies(self) -> Path:
        """Case folders that answer or correct a package."""
        return self.root / "replies"

    @property
    def received(self) -> Path:
        """Packages that arrived."""
        return self.root / "received"

    @property
    def answered(self) -> Path:
        """Case data of own packages, for the checks on their answers."""
        return self.root / "answered"

    @property
    def register(self) -> Path:
        """The register of case numbers."""
        return self.root / "register.json"

    @property
    def running(self) -> Path:
        """Says that the desk is at work: process id and node."""
        return self.root / "running.json"

    def create(self) -> None:
        """Make what is missing."""
        for folder in (self.outgoing, self.replies, self.received):
            folder.mkdir(parents=True, exist_ok=True)

    def case_folders(self) -> Iterator[Path]:
        """The case folders that were dropped, in the order of their names."""
        for place in (self.outgoing, self.replies):
            for folder in sorted(place.iterdir()):
                if not folder.name.startswith(".") and (folder / PACKAGE_FILE).is_file():
                    yield folder


def result_path(folder: Path) -> Path:
    """Where the result of a case folder is written: beside it."""
    return folder.with_name(folder.name + _RESULT_SUFFIX)


def stamp_of(folder: Path) -> str:
    """A mark of what a folder holds that changes with every edit; it reads no contents."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        status = path.stat()
        digest.update(f"{path.relative_to(folder)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def write_json(path: Path, content: Any) -> None:
    """Replace a file in one step: a reader, or a restart, sees the old content or the new one."""
    text = json.dumps(content, ensure_ascii=False, indent=2)
    new = path.with_name(f".{path.name}.new")
    with new.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
