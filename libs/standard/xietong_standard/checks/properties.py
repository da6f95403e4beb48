"""Whether property can be found, valued and handed on: what a court asks first of things that stay where they are."""

from __future__ import annotations

from collections.abc import Iterator

from xietong.casefile.v1.property_pb2 import Property, PropertyStatus
from xietong_standard.checks.sources import CONTRACT, court_interpretation
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error, warning

ID_TWICE = error(
    "XT-PRO-01",
    ("财物编号 {item} 重复", "property id {item} is given twice"),
    ("请使每件财物编号唯一", "give each item an id of its own"),
    CONTRACT,
)
NO_KEEPER = warning(
    "XT-PRO-02",
    (
        "财物 {item} 已查封、扣押或冻结，没有填写保管单位和保管地点",
        "property {item} is sealed up, seized or frozen, and neither keeper nor place is given",
    ),
    ("请填写保管单位或保管地点", "give who keeps it, or where"),
    court_interpretation("218", "441"),
)
CURRENCY = warning(
    "XT-PRO-03",
    (
        "财物 {item} 的价值和币种只填写了一项",
        "of value and currency of property {item}, only one is given",
    ),
    ("请补填另一项", "give the other, too"),
    CONTRACT,
)
NO_DISPOSAL = warning(
    "XT-PRO-04",
    (
        "财物 {item} 已发还或处置，没有说明处置情况",
        "property {item} was returned or disposed of, and it is not said how",
    ),
    ("请填写发还对象或处置结果", "tell to whom it was returned, or what became of it"),
    court_interpretation("218", "441"),
)
NO_PHOTOGRAPH = warning(
    "XT-PRO-05",
    (
        "财物 {item} 以照片随案移送，没有附照片",
        "property {item} goes with the case by photographs, of which there is none",
    ),
    (
        "请上传照片并在财物中登记，或随卷移送照片",
        "upload the photographs and name them at the property, or send them with the dossier",
    ),
    court_interpretation("441"),
)
RULES = (ID_TWICE, NO_KEEPER, CURRENCY, NO_DISPOSAL, NO_PHOTOGRAPH)

_KEPT = frozenset(
    {
        PropertyStatus.PROPERTY_STATUS_SEALED_UP,
        PropertyStatus.PROPERTY_STATUS_SEIZED,
        PropertyStatus.PROPERTY_STATUS_FROZEN,
    }
)
_GONE = frozenset({PropertyStatus.PROPERTY_STATUS_RETURNED, PropertyStatus.PROPERTY_STATUS_DISPOSED})
_BY_PHOTOGRAPH = "照片"
_LIST = "涉案财物清单"


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on property."""
    seen: set[str] = set()
    shown = submission.facts.has_photographs or not _hands_over(submission)
    for position, item in enumerate(submission.manifest.properties):
        path = f"properties[{position}]"
        if item.id in seen:
            yield ID_TWICE.at(f"{path}.id", item=item.id)
        seen.add(item.id)
        yield from _property(path, item)
        by_photograph = _BY_PHOTOGRAPH in item.transfer_form.name and not item.photo_parts
        if by_photograph and not shown:
            yield NO_PHOTOGRAPH.at(f"{path}.photo_parts", item=item.id)


def _hands_over(submission: Submission) -> bool:
    """Whether the process takes property along: one that asks for its list."""
    process = submission.process
    return process is not None and any(
        kind.zh == _LIST for requirement in process.required_documents for kind in requirement.one_of
    )


def _property(path: str, item: Property) -> Iterator[Finding]:
    if item.status in _KEPT and not (item.storage_place or item.keeper.name or item.keeper.code):
        yield NO_KEEPER.at(f"{path}.keeper", item=item.id)
    if bool(item.value) != bool(item.currency):
        yield CURRENCY.at(f"{path}.currency" if item.value else f"{path}.value", item=item.id)
    if item.status in _GONE and not item.disposal:
        yield NO_DISPOSAL.at(f"{path}.disposal", item=item.id)
