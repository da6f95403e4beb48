"""The generated video: of the size that was asked for, still the video that it was, the same every time."""

from __future__ import annotations

from pathlib import Path

import pytest

from xietong_demo.story import EXAMPLES
from xietong_demo.video import pad_video, parse_size

VIDEO = next((EXAMPLES / "01-PB-01" / "dossier").glob("*.mp4"))
SIZE_BYTES = VIDEO.stat().st_size + 3 * 1024 * 1024 + 7


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [("1", 1), ("512k", 512 << 10), ("500MB", 500 << 20), ("1GiB", 1 << 30), ("1.5 g", 3 << 29)],
)
def test_sizes_are_read_as_people_write_them(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize("text", ["", "GiB", "-1M", "1PB", "1 1M", "1e3"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no size"):
        parse_size(text)


def boxes(content: bytes) -> list[tuple[bytes, int]]:
    """Type and size of the boxes of a file, as ISO/IEC 14496-12 lays them out."""
    found, at = [], 0
    while at < len(content):
        size, kind = int.from_bytes(content[at : at + 4]), content[at + 4 : at + 8]
        if size == 1:
            size = int.from_bytes(content[at + 8 : at + 16])
        found.append((kind, size))
        at += size
    assert at == len(content)
    return found


def test_the_video_grows_by_one_box_that_players_skip(tmp_path: Path) -> None:
    padded = tmp_path / "padded.mp4"
    pad_video(VIDEO, padded, SIZE_BYTES)
    content = padded.read_bytes()
    assert len(content) == SIZE_BYTES
    assert content.startswith(VIDEO.read_bytes())
    assert boxes(content) == [*boxes(VIDEO.read_bytes()), (b"free", SIZE_BYTES - VIDEO.stat().st_size)]


def test_the_noise_is_real_and_the_same_every_time(tmp_path: Path) -> None:
    one, other = tmp_path / "one.mp4", tmp_path / "other.mp4"
    pad_video(VIDEO, one, SIZE_BYTES)
    pad_video(VIDEO, other, SIZE_BYTES)
    assert one.read_bytes() == other.read_bytes()
    assert len(set(one.read_bytes()[-(1 << 20) :])) == 256


def test_a_size_below_the_video_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least"):
        pad_video(VIDEO, tmp_path / "padded.mp4", VIDEO.stat().st_size)
