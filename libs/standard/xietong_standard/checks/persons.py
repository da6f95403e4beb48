"""Whether the entries of the manifest name persons that it has, each under one id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong_standard.checks.sources import CONTRACT
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error

UNKNOWN_PERSON = error(
    "XT-REF-01",
    (
        "“{path}”引用的人员 {person} 不在人员列表中",
        "'{path}' names person {person}, whom the manifest does not have",
    ),
    ("请在人员列表中添加该人员，或更正编号", "add the person, or correct the id"),
    CONTRACT,
)
REPEATED_PERSON = error(
    "XT-REF-02",
    ("人员编号 {person} 出现 {count} 次", "the person id {person} is given {count} times"),
    (
        "请使每个人员编号唯一；同一人的多个身份写在同一条目中",
        "give each person one entry with all of the roles",
    ),
    CONTRACT,
)
RULES = (UNKNOWN_PERSON, REPEATED_PERSON)

# Repeated fields of the manifest whose entries name persons, and the fields that do.
_SINGLE = (
    ("persons", "guardian_person_id"),
    ("charges", "person_id"),
    ("measures", "person_id"),
    ("properties", "owner_person_id"),
    ("decisions", "person_id"),
    ("decisions", "appointed_person_id"),
    ("sentences", "person_id"),
    ("fields", "person_id"),
)
_SEVERAL = (("persons", "represents_person_ids"), ("documents", "person_ids"), ("media", "person_ids"))


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on person ids."""
    manifest = submission.manifest
    counts = Counter(person.id for person in manifest.persons if person.id)
    for person_id, count in counts.items():
        if count > 1:
            yield REPEATED_PERSON.at("persons", person=person_id, count=count)
    for path, person_id in chain(_single(manifest), _several(manifest)):
        if person_id and person_id not in counts:
            yield UNKNOWN_PERSON.at(path, person=person_id)


def _single(manifest: Manifest) -> Iterable[tuple[str, str]]:
    for field, name in _SINGLE:
        for position, entry in enumerate(getattr(manifest, field)):
            yield f"{field}[{position}].{name}", getattr(entry, name)


def _several(manifest: Manifest) -> Iterable[tuple[str, str]]:
    for field, name in _SEVERAL:
        for position, entry in enumerate(getattr(manifest, field)):
            for index, person_id in enumerate(getattr(entry, name)):
                yield f"{field}[{position}].{name}[{index}]", person_id
