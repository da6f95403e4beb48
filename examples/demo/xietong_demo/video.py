"""A playable video of any size: a short real one, followed by a box of bytes that players skip."""

from __future__ import annotations

import random
import re
from pathlib import Path

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_BOX_HEADER_BYTES = 16  # ISO/IEC 14496-12: size 1, type, then the size in 64 bits
_BLOCK_BYTES = 1 << 20


def parse_size(text: str) -> int:
    """Bytes of a size like `500MB`, `1GiB` or `1.5G`; units are powers of 1,024. Raises ValueError."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no size: write it as 500MiB or 1GiB / 大小格式如 500MiB、1GiB")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def pad_video(source: Path, target: Path, size_bytes: int) -> None:
    """Writes the MP4 `source` with a `free` box of deterministic noise, so that nothing on the way can compress it.

    Raises ValueError when `size_bytes` is too small for it.
    """
    content = source.read_bytes()
    left = size_bytes - len(content) - _BOX_HEADER_BYTES
    if left < 0:
        raise ValueError(f"the video needs {len(content) + _BOX_HEADER_BYTES} bytes at least / 视频大小过小")
    noise = random.Random(size_bytes)  # noqa: S311 - noise, not a secret
    with target.open("wb") as file:
        file.write(content)
        file.write((1).to_bytes(4) + b"free" + (left + _BOX_HEADER_BYTES).to_bytes(8))
        while left:
            block = noise.randbytes(min(left, _BLOCK_BYTES))
            left -= file.write(block)
