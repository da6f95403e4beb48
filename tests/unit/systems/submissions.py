"""Packages as the handler sees them, made of the example's case folders and of small manifests."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from google.protobuf import json_format

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong_client import CaseFolder
from xietong_system_desk import Check, Submission

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@cache
def _example(name: str) -> tuple[Manifest, dict[str, Path]]:
    manifest = Manifest()
    files: dict[str, Path] = {}
    for contribution in CaseFolder.load(EXAMPLES / name).contributions:
        if contribution.fragment is not None:
            manifest.MergeFrom(contribution.fragment)
        files.update(contribution.files)
    manifest.process_code = name.split("-", 1)[1].removesuffix("-correction")
    for number, part in enumerate(manifest.parts, start=1):
        part.number = number
    return manifest, files


def example(name: str) -> Manifest:
    """The case data of a case folder of the example; the caller may change them."""
    manifest = Manifest()
    manifest.CopyFrom(_example(name)[0])
    return manifest


def example_files(name: str) -> dict[str, Path]:
    """The files of a case folder of the example."""
    return dict(_example(name)[1])


def manifest_of(**fields: object) -> Manifest:
    """A manifest of JSON values."""
    return json_format.ParseDict(fields, Manifest())


def codes(check: Check, submission: Submission) -> list[str]:
    """The codes of the reasons that a check gives."""
    return [reason.code for reason in check(submission)]
