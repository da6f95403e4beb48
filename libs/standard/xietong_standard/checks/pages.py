"""Whether the pages of volumes and documents make sense: ranges of the catalogue, single pages, and counts."""

from __future__ import annotations

from collections.abc import Iterator

from xietong.casefile.v1.dossier_pb2 import Volume
from xietong_standard.checks.sources import PAGE_RULES
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error, warning

REVERSED = error(
    "XT-PAG-01",
    (
        "卷宗“{title}”目录第 {item} 项的末页 {last} 在首页 {first} 之前",
        "item {item} of volume '{title}' ends on page {last}, before it begins on page {first}",
    ),
    ("请更正该项的起止页次", "correct the first and the last page of the item"),
    PAGE_RULES,
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
    PAGE_RULES,
)
GAP = warning(
    "XT-PAG-03",
    (
        "卷宗“{title}”目录中第 {first} 至 {last} 页没有对应的文件材料",
        "the catalogue of volume '{title}' leaves out the pages {first} to {last}",
    ),
    (
        "请补列目录；空白页、隔页可不列",
        "add what is missing; blank pages and dividers may be left out",
    ),
    PAGE_RULES,
)
VOLUME_PAGES = warning(
    "XT-PAG-04",
    (
        "卷宗“{title}”填写共 {stated} 页，目录末页为第 {last} 页",
        "volume '{title}' states {stated} pages, its catalogue ends on page {last}",
    ),
    (
        "请核对页数；封面、目录、封底未编页的可忽略",
        "compare them; a cover and a catalogue without page numbers may be the reason",
    ),
    PAGE_RULES,
)
PAGE_OUTSIDE = error(
    "XT-PAG-05",
    (
        "卷宗“{title}”第 {page} 页列在第 {item} 项，超出其页次 {first} 至 {last}",
        "page {page} of volume '{title}' stands below item {item}, which has the pages {first} to {last}",
    ),
    ("请更正页号或该项的起止页次", "correct the page or the range of the item"),
    PAGE_RULES,
)
PAGE_TWICE = error(
    "XT-PAG-06",
    ("卷宗“{title}”的第 {page} 页列了两次", "page {page} of volume '{title}' is listed twice"),
    ("请删除重复的页，或更正页号", "remove one, or correct the number"),
    PAGE_RULES,
)
ORDER = warning(
    "XT-PAG-07",
    (
        "卷宗“{title}”目录第 {item} 项的首页 {first} 在前一项之前",
        "item {item} of volume '{title}' begins on page {first}, before the item above it",
    ),
    ("请按页次排列目录", "put the catalogue into the order of the pages"),
    PAGE_RULES,
)
PAGES_MISSING = warning(
    "XT-PAG-08",
    (
        "卷宗“{title}”目录第 {item} 项应有 {stated} 页，只列了 {listed} 页",
        "item {item} of volume '{title}' has {stated} pages, of which {listed} are listed",
    ),
    ("请补充其余各页的文件", "add the other pages"),
    PAGE_RULES,
)
FILE_PAGES = warning(
    "XT-PAG-09",
    (
        "“{path}”填写 {stated} 页，文件实有 {found} 页",
        "'{path}' states {stated} pages, the files have {found}",
    ),
    (
        "请核对是否漏扫；封面、目录未编页的可忽略",
        "see whether a page was not scanned; a cover and a catalogue without numbers may be the reason",
    ),
    PAGE_RULES,
)
RULES = (
    REVERSED,
    OVERLAP,
    GAP,
    VOLUME_PAGES,
    PAGE_OUTSIDE,
    PAGE_TWICE,
    ORDER,
    PAGES_MISSING,
    FILE_PAGES,
)

DEFAULT_PAGE_TOLERANCE = 4
"""Pages by which a count may differ: cover, catalogue, notes and back cover are often not numbered."""


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on page ranges and counts. An item without a first page states none and is left alone."""
    tolerance = submission.page_tolerance
    for position, volume in enumerate(submission.manifest.volumes):
        path = f"volumes[{position}]"
        yield from _ranges(path, volume)
        yield from _listed(path, volume)
        last = max((item.last_page for item in volume.items), default=0)
        if volume.page_count and last and not 0 <= volume.page_count - last <= tolerance:
            yield VOLUME_PAGES.at(
                f"{path}.page_count", title=volume.title, stated=volume.page_count, last=last
            )
    yield from _files(submission)


def _ranges(path: str, volume: Volume) -> Iterator[Finding]:
    ranges: list[tuple[int, int, int]] = []
    before = 0
    for index, item in enumerate(volume.items):
        if not item.first_page:
            continue
        title, number, first = volume.title, item.number, item.first_page
        if item.last_page < first:
            item_path = f"{path}.items[{index}].last_page"
            yield REVERSED.at(item_path, title=title, item=number, first=first, last=item.last_page)
            continue
        if first < before:
            yield ORDER.at(f"{path}.items[{index}].first_page", title=title, item=number, first=first)
        before = first
        ranges.append((item.first_page, item.last_page, index))
    yield from _neighbours(path, volume, sorted(ranges))


def _neighbours(path: str, volume: Volume, ranges: list[tuple[int, int, int]]) -> Iterator[Finding]:
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
        elif first > furthest + 1:
            yield GAP.at(f"{path}.items[{index}]", title=volume.title, first=furthest + 1, last=first - 1)
        if last > furthest:
            furthest, holder = last, index


def _listed(path: str, volume: Volume) -> Iterator[Finding]:
    """Pages that are listed one by one."""
    seen: set[int] = set()
    for index, item in enumerate(volume.items):
        has_range = 0 < item.first_page <= item.last_page
        for number, page in enumerate(item.pages):
            page_path = f"{path}.items[{index}].pages[{number}].number"
            if page.number in seen:
                yield PAGE_TWICE.at(page_path, title=volume.title, page=page.number)
            seen.add(page.number)
            if has_range and not item.first_page <= page.number <= item.last_page:
                yield PAGE_OUTSIDE.at(
                    page_path,
                    title=volume.title,
                    page=page.number,
                    item=item.number,
                    first=item.first_page,
                    last=item.last_page,
                )
        stated = item.last_page - item.first_page + 1
        if has_range and 0 < len(item.pages) < stated:
            yield PAGES_MISSING.at(
                f"{path}.items[{index}].pages",
                title=volume.title,
                item=item.number,
                stated=stated,
                listed=len(item.pages),
            )


def _files(submission: Submission) -> Iterator[Finding]:
    """Counts against those of the files, where the parts tell theirs."""
    manifest, tolerance = submission.manifest, submission.page_tolerance
    pages = {part.name: part.page_count for part in manifest.parts if part.page_count}
    if not pages:
        return
    stated: list[tuple[str, int, tuple[str, ...]]] = [
        (f"documents[{position}].page_count", document.page_count, (document.part,))
        for position, document in enumerate(manifest.documents)
    ]
    stated += [
        (f"volumes[{position}].page_count", volume.page_count, tuple(volume.parts))
        for position, volume in enumerate(manifest.volumes)
    ]
    for path, count, names in stated:
        if count and names and all(name in pages for name in names):
            found = sum(pages[name] for name in names)
            if not 0 <= found - count <= tolerance:
                yield FILE_PAGES.at(path, stated=count, found=found)
