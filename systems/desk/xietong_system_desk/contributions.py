"""Whether all that a case folder lists has come together in the draft, from whichever system."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.draft_pb2 import Contribution, Draft
from xietong_client import CaseFolder, FolderContribution


def missing_contributions(case: CaseFolder, draft: Draft, digests: Mapping[str, str]) -> list[str]:
    """What is still missing, as `system/contribution` or `system/contribution: file`.

    `digests` (SHA-256 by file name) is given for a correction: there the returned package's contributions are in the
    draft from the beginning, so that only the content tells whether another system has brought its change.
    """
    there = {(found.system, found.name): found for found in draft.contributions}
    complete = {part.name for part in draft.parts if part.complete}
    return [
        line
        for wanted in case.contributions
        for line in _missing(wanted, there.get((wanted.system, wanted.name)), complete, digests)
    ]


def _missing(
    wanted: FolderContribution, found: Contribution | None, complete: set[str], digests: Mapping[str, str]
) -> Iterator[str]:
    name = f"{wanted.system}/{wanted.name}"
    if found is None or (digests and not _is_changed(wanted, found, digests)):
        yield name
        return
    for part in found.fragment.parts:
        if part.name not in complete:
            yield f"{name}: {part.name}"


def _is_changed(wanted: FolderContribution, found: Contribution, digests: Mapping[str, str]) -> bool:
    """Whether a contribution to a correction holds what the folder holds."""
    brought = {part.name: part.sha256 for part in found.fragment.parts}
    if any(brought.get(name) != digests[name] for name in wanted.files):
        return False
    return wanted.fragment is None or _bare(wanted.fragment) == _bare(found.fragment)


def _bare(fragment: Manifest) -> Manifest:
    """A fragment without what is added to it when it is contributed."""
    bare = Manifest()
    bare.CopyFrom(fragment)
    for part in bare.parts:
        part.ClearField("size_bytes")
        part.ClearField("sha256")
    return bare
