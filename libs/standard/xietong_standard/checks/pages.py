"""Whether the page ranges of a volume's catalogue make sense."""

from __future__ import annotations

from collections.abc import Iterator

from xietong.casefile.v1.dossier_pb2 import Volume
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error

_BASIS = "卷宗目录页次规则（设计） / page rules of the dossier catalogue (design)"

REVERSED = error(
    "XT-PAG-01",
    (
        "卷宗“{title}”目录第 {item} 项的末页 {last} 在首页 {first} 之前",
        "item {item} of volume '{title}' ends on page {last}, before it begins on page {first}",
    ),
    ("请更正该项的起止页次", "correct the first and the last page of the item"),
    _BASIS,
)
OVERLAP = error(
    "XT-PAG-02",
    (
        "卷宗“{title}”目录第 {item} 项（第 {first} 至 {last} 页）与第 {other} 项的页次重叠",
        "item {item} of volume '{title}' (pages {first} to {last}) overlaps with item {other}",
    ),
    (
        "请更正两项的起止页次，使其互不重叠",
        "correct the page ranges of the two items so that they do not overlap",
    ),
    _BASIS,
)
RULES = (REVERSED, OVERLAP)


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on page ranges. An item without a first page states none and is left alone."""
    for position, volume in enumerate(submission.manifest.volumes):
        yield from _volume(f"volumes[{position}]", volume)


def _volume(path: str, volume: Volume) -> Iterator[Finding]:
    ranges: list[tuple[int, int, int]] = []
    for index, item in enumerate(volume.items):
        if not item.first_page:
            continue
        if item.last_page < item.first_page:
            yield REVERSED.at(
                f"{path}.items[{index}].last_page",
                title=volume.title,
                item=item.number,
                first=item.first_page,
                last=item.last_page,
            )
            continue
        ranges.append((item.first_page, item.last_page, index))
    yield from _overlaps(path, volume, sorted(ranges))


def _overlaps(path: str, volume: Volume, ranges: list[tuple[int, int, int]]) -> Iterator[Finding]:
    """Compares each range with the one before it that reaches furthest."""
    furthest, holder = 0, -1
    for first, last, index in ranges:
        if first <= furthest:
            yield OVERLAP.at(
                f"{path}.items[{index}]",
                title=volume.title,
                item=volume.items[index].number,
                first=first,
                last=last,
                other=volume.items[holder].number,
            )
        if last > furthest:
            furthest, holder = last, index
