"""Puts the packages together as case folders: package.yaml, one YAML per contribution, and its files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import yaml

from generate.fragments import case_number, fragment
from generate.recording import stated_duration_ms, wav
from generate.sources import Entry, case, document, load
from generate.typesetting import typeset_document, typeset_volume

EDITION = "2026.1"
HEADER = "# Made by examples/generate from {source}; edit there.\n"
LINE_WIDTH = 110

# Path below `examples/` to content.
Files = dict[str, bytes]


def case_folders(video: bytes) -> Files:
    """Every file of the example. `video` is the encoded interrogation, ValueError if of a wrong length."""
    files: Files = {}
    for folder, package in load("packages").items():
        files[f"{folder}/package.yaml"] = _yaml("packages.yaml", _package(package))
        for contribution in package["contributions"]:
            name = contribution["name"]
            files[f"{folder}/{name}.yaml"] = _yaml("packages.yaml and case.yaml", fragment(contribution))
            files.update(
                (f"{folder}/{name}/{file}", content) for file, content in _contents(contribution, video)
            )
    files["outcomes.yaml"] = _yaml("packages.yaml", _outcomes())
    return files


def video_path(root: Path) -> Path:
    """Where the encoded interrogation lies below `examples/`."""
    name: str = load("recordings")["interrogation-jia"]["file"]
    return root / "01-PB-01" / "dossier" / name


def video_duration_ms() -> int:
    """How long the encoded interrogation is."""
    return int(load("recordings")["interrogation-jia"]["duration_ms"])


def _package(package: Entry) -> Entry:
    number = case_number(package["case_number"])
    handler = case()["handlers"][case()["numbers"][package["case_number"]]["organ"]]
    return {
        "process": package["process"],
        "edition": EDITION,
        "from": package["from"],
        "to": [package["to"]],
        **{name: package[name] for name in ("in_reply_to", "corrects") if name in package},
        "classification": "UNCLASSIFIED",
        "organ_code": number["organ"]["code"],
        "case_number": number["number"],
        "actor": {"organ_code": number["organ"]["code"], "handler_ref": handler["ref"]},
        "contributions": [
            {
                "name": contribution["name"],
                "system": contribution["system"],
                "data": f"{contribution['name']}.yaml",
                "files": contribution["name"],
            }
            for contribution in package["contributions"]
        ],
    }


def _contents(contribution: Entry, video: bytes) -> Iterator[tuple[str, bytes]]:
    for key in contribution.get("documents", []):
        yield document(key)["file"], typeset_document(key).pdf
    for key in contribution.get("volumes", []):
        yield load("dossier")["volumes"][key]["file"], typeset_volume(key).pdf
    for key in contribution.get("media", []):
        recording = load("recordings")[key]
        yield recording["file"], _recording(recording, video)


def _recording(recording: Entry, video: bytes) -> bytes:
    if recording["media_type"] == "audio/wav":
        return wav(recording["duration_ms"])
    stated = stated_duration_ms(video)
    if stated != recording["duration_ms"]:
        raise ValueError(
            f"{recording['file']} states {stated} ms, recordings.yaml {recording['duration_ms']} ms: "
            "make it anew with `python -m generate --video`"
        )
    return video


def _outcomes() -> Entry:
    """What the receiver's handler does with each package, for a demonstration that plays the handlers."""
    outcomes: Entry = {}
    for folder, package in load("packages").items():
        outcome = dict(package["outcome"])
        if "receiver_case_number" in outcome:
            outcome["receiver_case_number"] = case()["numbers"][outcome["receiver_case_number"]]["number"]
        outcomes[folder] = outcome
    return outcomes


def _yaml(source: str, content: Entry) -> bytes:
    # A copy in which nothing is shared: otherwise YAML writes what occurs twice as anchor and alias.
    plain = json.loads(json.dumps(content))
    text = yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=LINE_WIDTH)
    return (HEADER.format(source=source) + text).encode()
