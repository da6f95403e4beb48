"""Whether the volumes of the dossier are those that may travel, numbered in order, each with a catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from xietong.casefile.v1.dossier_pb2 import Volume, VolumeKind
from xietong_standard.checks.sources import CONTRACT, PAGE_RULES
from xietong_standard.checks.submission import Submission
from xietong_standard.labels import VOLUMES
from xietong_standard.verdict import Finding, error, warning

NUMBER_TWICE = error(
    "XT-VOL-03",
    ("卷号 {number} 重复", "volume number {number} is given twice"),
    ("请使每卷的卷号唯一", "give each volume a number of its own"),
    CONTRACT,
)
NUMBER_LEFT_OUT = warning(
    "XT-VOL-04",
    (
        "卷号从 {last} 跳到 {number}",
        "the volume numbers go from {last} to {number}",
    ),
    (
        "请核对是否漏卷；其余卷不移送的可继续",
        "see whether a volume is missing; go on if the others are not to be sent",
    ),
    PAGE_RULES,
)
NO_CATALOGUE = warning(
    "XT-VOL-05",
    ("卷宗“{title}”没有目录", "volume '{title}' has no catalogue"),
    ("请编制卷内目录", "compile its catalogue"),
    PAGE_RULES,
)
SECRET = error(
    "XT-VOL-06",
    (
        "卷宗“{title}”是不随案移送的内部卷",
        "volume '{title}' is an internal one, which never travels",
    ),
    (
        "请移除该卷；工作卷、秘密卷、内卷、副卷由本单位留存",
        "remove it: work volumes and secret volumes stay where they are",
    ),
    CONTRACT,
)
ITEM_TWICE = warning(
    "XT-VOL-07",
    (
        "卷宗“{title}”目录序号 {number} 重复",
        "number {number} is given twice in the catalogue of volume '{title}'",
    ),
    ("请重新编排目录序号", "number the catalogue anew"),
    PAGE_RULES,
)
OTHER_KIND = warning(
    "XT-VOL-08",
    (
        "卷宗“{title}”按题名与所选卷类“{kind}”不符",
        "by its title, volume '{title}' is not of the kind '{kind}'",
    ),
    ("请核对卷类和题名", "compare the kind and the title"),
    CONTRACT,
)
RULES = (NUMBER_TWICE, NUMBER_LEFT_OUT, NO_CATALOGUE, SECRET, ITEM_TWICE, OTHER_KIND)

_SECRET_TITLES = ("工作卷", "秘密卷", "内卷", "副卷")
# Words of a title that name a kind; the first that fits decides.
_KINDS_BY_TITLE = (
    ("补充侦查", VolumeKind.VOLUME_KIND_SUPPLEMENTARY),
    ("证据卷", VolumeKind.VOLUME_KIND_EVIDENCE),
    ("文书卷", VolumeKind.VOLUME_KIND_DOCUMENTS),
    ("检察卷", VolumeKind.VOLUME_KIND_PROCURATORATE),
    ("审判卷", VolumeKind.VOLUME_KIND_COURT),
)


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on volumes."""
    volumes = submission.manifest.volumes
    numbers = sorted((volume.number, position) for position, volume in enumerate(volumes))
    for (last, _), (number, position) in pairwise(numbers):
        if number == last:
            yield NUMBER_TWICE.at(f"volumes[{position}].number", number=number)
        elif number > last + 1:
            yield NUMBER_LEFT_OUT.at(f"volumes[{position}].number", last=last, number=number)
    for position, volume in enumerate(volumes):
        yield from _volume(f"volumes[{position}]", volume)


def _volume(path: str, volume: Volume) -> Iterator[Finding]:
    title = volume.title
    if any(word in title for word in _SECRET_TITLES):
        yield SECRET.at(f"{path}.title", title=title)
    if not volume.items:
        yield NO_CATALOGUE.at(f"{path}.items", title=title)
    wanted = next((kind for word, kind in _KINDS_BY_TITLE if word in title), volume.kind)
    if wanted != volume.kind:
        name = VolumeKind.Name(volume.kind).removeprefix("VOLUME_KIND_") if volume.kind in _KNOWN else ""
        yield OTHER_KIND.at(f"{path}.kind", title=title, kind=VOLUMES.get(name, str(volume.kind)))
    seen: set[int] = set()
    for index, item in enumerate(volume.items):
        if item.number in seen:
            yield ITEM_TWICE.at(f"{path}.items[{index}].number", title=title, number=item.number)
        seen.add(item.number)


_KNOWN = frozenset(VolumeKind.values())
