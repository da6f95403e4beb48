"""The case that the examples tell is what the standard asks for: no finding on any of its packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.envelope_pb2 import Party
from xietong_client.case_folder import CaseFolder
from xietong_standard import load_edition, validate

EXAMPLES = Path(__file__).parents[3] / "examples"
# A correction holds only what changed; the node merges it with what was sent before.
FOLDERS = sorted(path for path in EXAMPLES.glob("[0-9][0-9]-*") if not path.name.endswith("-correction"))


@pytest.mark.parametrize("path", FOLDERS, ids=lambda path: path.name)
def test_an_example_has_no_findings(path: Path) -> None:
    folder = CaseFolder.load(path)
    manifest = Manifest()
    for contribution in folder.contributions:
        if contribution.fragment is not None:
            manifest.MergeFrom(contribution.fragment)
    sender, receiver = (
        Party.Name(party).removeprefix("PARTY_") for party in (folder.sender, folder.receivers[0].party)
    )
    process, edition = folder.key.process_code, load_edition("2026.1")
    assert validate(manifest, process, edition, sender=sender, receiver=receiver).findings == ()
