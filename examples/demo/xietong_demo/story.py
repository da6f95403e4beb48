"""The story: the case folders of the example in their order, where each is dropped, and how it has to end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from xietong_client import CaseFolder
from xietong_client.labels import party_name
from xietong_demo.desks import DESKS, Desks, DeskSetup, desk_of
from xietong_demo.video import pad_video

EXAMPLES = Path(__file__).resolve().parents[2]
OUTCOMES_FILE = "outcomes.yaml"
MEDIA_FOLDER = "01-PB-01"
MEDIA_NAME = "讯问录像-全程.mp4"
_FOLDERS = "[0-9][0-9]-*"


@dataclass(frozen=True)
class Step:
    """One case folder, and the outcome that the example expects of it.

    Attributes:
        case: The folder, as the client SDK reads it.
        state: `accepted` or `returned`.
        receiver_case_number: The number under which it has to be accepted.
        path: For a return, the path that one of the reasons has to name.
        part: For a return, the name of the file that one of the reasons has to name.
        base: The folder that this one corrects.
    """

    case: CaseFolder
    state: str
    receiver_case_number: str = ""
    path: str = ""
    part: str = ""
    base: CaseFolder | None = None

    @property
    def name(self) -> str:
        """Name of the case folder."""
        return self.case.path.name

    @property
    def sender(self) -> DeskSetup:
        """The business system that submits it."""
        return desk_of(party_name(self.case.sender))

    @property
    def receiver(self) -> DeskSetup:
        """The business system whose handler decides on it."""
        return desk_of(party_name(self.case.receivers[0].party))

    @cached_property
    def sources(self) -> dict[str, Path]:
        """The files that the package has to bring, by name: for a correction, those of its base with its changes."""
        cases = (self.base, self.case) if self.base else (self.case,)
        return {name: path for case in cases for c in case.contributions for name, path in c.files.items()}

    @property
    def size_bytes(self) -> int:
        """Sum of the sizes of its files."""
        return sum(path.stat().st_size for path in self.sources.values())

    @cached_property
    def upload_bytes(self) -> int:
        """What all systems upload for it together, as far as files say: a correction brings only its changes."""
        own = [path for contribution in self.case.contributions for path in contribution.files.values()]
        return sum(path.stat().st_size for path in own)

    def dropped(self, desks: Desks) -> Path:
        """Where its folder lies at the submitting system."""
        folders = desks.folders(self.sender)
        place = folders.replies if self.case.in_reply_to or self.case.corrects else folders.outgoing
        return place / self.name

    def places(self, desks: Desks) -> list[Path]:
        """Where its folder lies at all systems that contribute to it, the submitting one first."""
        systems = {contribution.system for contribution in self.case.contributions}
        others = [setup for setup in DESKS if setup.system in systems and not setup.submits]
        return [self.dropped(desks), *(desks.folders(setup).outgoing / self.name for setup in others)]

    def drop(self, desks: Desks) -> None:
        """Puts the folder where the systems that contribute to it look."""
        for place in self.places(desks):
            _link_tree(self.case.path, place)


def stage_story(target: Path, media_bytes: int = 0) -> list[Step]:
    """The steps of the example from copies of its case folders in `target`, with a video of `media_bytes` if given."""
    target.mkdir(parents=True)
    for folder in sorted(EXAMPLES.glob(_FOLDERS)):
        shutil.copytree(folder, target / folder.name)
    if media_bytes:
        _add_video(target / MEDIA_FOLDER, media_bytes)
    outcomes = yaml.safe_load((EXAMPLES / OUTCOMES_FILE).read_text(encoding="utf-8"))
    return list(_steps(target, outcomes))


def _steps(target: Path, outcomes: dict[str, dict[str, Any]]) -> Iterator[Step]:
    cases = {name: CaseFolder.load(target / name) for name in outcomes}
    for name, outcome in outcomes.items():
        expected = {key: str(value) for key, value in outcome.items() if key != "text"}
        case = cases[name]
        yield Step(case=case, base=cases.get(case.corrects), **expected)


def _add_video(folder: Path, size_bytes: int) -> None:
    """Adds a recording of this size to the dossier: the file, its entry, and its part."""
    data = folder / "dossier.yaml"
    content = yaml.safe_load(data.read_text(encoding="utf-8"))
    source = next(part for part in content["parts"] if part["kind"] == "PART_KIND_VIDEO")
    recording = next(media for media in content["media"] if media["part"] == source["name"])
    pad_video(folder / "dossier" / source["name"], folder / "dossier" / MEDIA_NAME, size_bytes)
    content["parts"].append({**source, "name": MEDIA_NAME})
    content["media"].append({**deepcopy(recording), "title": "讯问同步录音录像（全程）", "part": MEDIA_NAME})
    data.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _link_tree(source: Path, target: Path) -> None:
    """Puts a folder into place in one step, without a second copy of its bytes where the file system allows."""
    new = target.with_name(f".{target.name}.new")
    shutil.copytree(source, new, copy_function=_link)
    new.rename(target)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
