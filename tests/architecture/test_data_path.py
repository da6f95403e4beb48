"""The way of a package's bytes through a node decodes the envelope and its own frames, and nothing that it carries."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from xietong_exchange.adapters.rpc import frames
from xietong_exchange.flow.frames import DataFrame

ENGINE = Path(frames.__file__).parents[2]
DATA_PATH = (
    *(f"adapters/rpc/{name}.py" for name in ("frames", "transfer_servicer", "transfer_stream")),
    *(f"adapters/parts/{file.name}" for file in sorted((ENGINE / "adapters" / "parts").glob("*.py"))),
    *(f"domain/{name}.py" for name in ("envelope", "transfer")),
    *(
        f"flow/{name}.py"
        for name in (
            "admission",
            "arrival",
            "conversation",
            "courier",
            "dispatch",
            "frame_queue",
            "frames",
            "part_store",
            "receive",
            "reception",
            "receptions",
        )
    ),
)
READS_BYTES = {"FromString", "MergeFromString", "ParseFromString"}
READ_HERE = {"Envelope", "Statement", "TransferRequest", "TransferResponse", "UploadPartRequest"}
"""Frames and what nodes tell each other; none of them is part of a payload."""


@pytest.mark.parametrize("module", DATA_PATH)
def test_it_reads_only_what_is_meant_for_it(module: str) -> None:
    tree = ast.parse((ENGINE / module).read_text(encoding="utf-8"))
    imported = {name.module or "" for name in ast.walk(tree) if isinstance(name, ast.ImportFrom)} | {
        alias.name for name in ast.walk(tree) if isinstance(name, ast.Import) for alias in name.names
    }
    assert not [name for name in imported if name.startswith(("xietong.casefile", "xietong_standard"))]
    read = {
        ast.unparse(name.value)
        for name in ast.walk(tree)
        if isinstance(name, ast.Attribute) and name.attr in READS_BYTES
    }
    assert read <= READ_HERE


def test_a_chunk_is_a_view_of_what_came_and_is_sent_on_as_it_is() -> None:
    content = bytes(range(256)) * 256
    came = frames.encode_request(DataFrame(part=1, attempt=0, offset=0, data=content), 7)
    frame = frames.decode_request(came)
    assert isinstance(frame, DataFrame)
    assert isinstance(frame.data, memoryview)
    assert frame.data.obj is came
    assert frames.encode_request(frame, 7) == came
