"""Whether the case and its charges agree: cause, traits, articles, and nothing asserted twice."""

from __future__ import annotations

from collections.abc import Iterator

from xietong.casefile.v1.case_pb2 import CaseTrait, CodedValue
from xietong.casefile.v1.person_pb2 import PersonRole
from xietong_standard.catalogue import CodeTable
from xietong_standard.checks.sources import CONTRACT, criminal_law, procedure_law
from xietong_standard.checks.submission import Submission
from xietong_standard.numerals import article_text
from xietong_standard.verdict import Finding, warning

CAUSE = warning(
    "XT-CAS-01",
    ("案由“{cause}”不在所列罪名之中", "the cause '{cause}' is not among the offences that are charged"),
    ("请核对案由和罪名", "compare the cause and the charges"),
    CONTRACT,
)
JOINT = warning(
    "XT-CAS-02",
    (
        "人员 {person} 列有共同犯罪中的作用，案件没有标明“共同犯罪”",
        "person {person} has a part in a joint offence, but the case is not marked as joint",
    ),
    ("请在案件特征中勾选共同犯罪，或删除该作用", "add the trait to the case, or remove the part"),
    criminal_law("25", "26", "27"),
)
FOREIGN = warning(
    "XT-CAS-03",
    (
        "被追诉人 {person} 为外国人或无国籍人，案件没有标明“涉外”",
        "the accused {person} is a foreigner or stateless, but the case is not marked so",
    ),
    ("请在案件特征中勾选涉外，或更正国籍", "add the trait to the case, or correct the nationality"),
    procedure_law("17", provenance="ok"),
)
NO_PLAINTIFF = warning(
    "XT-CAS-04",
    (
        "案件标明有附带民事诉讼，但没有附带民事诉讼原告人",
        "the case has a civil action attached, but no plaintiff of it",
    ),
    ("请添加原告人；检察院提起的可继续", "add the plaintiff; go on if the procuratorate brought it"),
    procedure_law("101", provenance="ok"),
)
NO_CIVIL_ACTION = warning(
    "XT-CAS-05",
    (
        "人员 {person} 是附带民事诉讼原告人，案件没有标明“附带民事诉讼”",
        "person {person} is plaintiff of a civil action, but the case is not marked so",
    ),
    ("请在案件特征中勾选附带民事诉讼", "add the trait to the case"),
    procedure_law("101", provenance="ok"),
)
CHARGED_TWICE = warning(
    "XT-CHG-01",
    (
        "人员 {person} 在同一阶段的罪名“{offence}”重复",
        "person {person} is charged with '{offence}' twice in the same stage",
    ),
    ("请删除重复的罪名；多起事实写入案情", "remove one; several facts belong into the summary"),
    CONTRACT,
)
OTHER_ARTICLE = warning(
    "XT-CHG-02",
    (
        "罪名“{offence}”规定于刑法{right}，所引条文是“{article}”",
        "'{offence}' is in {right} of the Criminal Law, but '{article}' is cited",
    ),
    ("请核对罪名和条文", "compare the offence and the article"),
    criminal_law("分则 / special part", provenance="ok"),
)
NO_OFFENCE_NAME = warning(
    "XT-CHG-03",
    (
        "罪名“{offence}”的名称不完整，应为“{right}”",
        "'{offence}' is not the whole name of the offence: '{right}'",
    ),
    ("请按规范罪名填写", "give the name that the offence has by law"),
    criminal_law("分则 / special part", provenance="ok"),
)
RULES = (
    CAUSE,
    JOINT,
    FOREIGN,
    NO_PLAINTIFF,
    NO_CIVIL_ACTION,
    CHARGED_TWICE,
    OTHER_ARTICLE,
    NO_OFFENCE_NAME,
)

# The code table of offences: its codes are their articles, such as `264` or `133-1` (第一百三十三条之一).
_OFFENCES = "offence"
_CHINA_CODES = frozenset({"156", "CHN", "CN"})
_CHINA_NAMES = ("中国", "中华")


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on the case and its charges."""
    manifest = submission.manifest
    offences = {charge.offence.name.removesuffix("罪") for charge in manifest.charges}
    cause = manifest.case.cause.name
    if cause and offences and cause.removesuffix("罪") not in offences:
        yield CAUSE.at("case.cause.name", cause=cause)
    yield from _traits(submission)
    seen: set[tuple[str, int, str]] = set()
    articles = _articles(submission.edition.code_tables.get(_OFFENCES))
    for position, charge in enumerate(manifest.charges):
        offence, person = charge.offence.name, charge.person_id
        key = (person, charge.stage, offence)
        if key in seen:
            yield CHARGED_TWICE.at(f"charges[{position}].offence", person=person, offence=offence)
        seen.add(key)
        right = articles.get(offence)
        if right is None:
            if f"{offence}罪" in articles:
                path = f"charges[{position}].offence.name"
                yield NO_OFFENCE_NAME.at(path, offence=offence, right=f"{offence}罪")
        elif (article := charge.article) and right not in article:
            path = f"charges[{position}].article"
            yield OTHER_ARTICLE.at(path, offence=offence, article=article, right=right)


def _traits(submission: Submission) -> Iterator[Finding]:
    manifest, accused = submission.manifest, submission.facts.accused
    traits = frozenset(manifest.case.traits)
    if not submission.hands_over_the_case:  # an answer seldom tells the traits of the case again
        return
    if CaseTrait.CASE_TRAIT_JOINT not in traits:
        partners = (charge.person_id for charge in manifest.charges if charge.role_in_offence.name)
        for person_id in dict.fromkeys(partners):
            yield JOINT.at("case.traits", person=person_id)
    plaintiffs = [p.id for p in manifest.persons if PersonRole.PERSON_ROLE_CIVIL_PLAINTIFF in p.roles]
    if CaseTrait.CASE_TRAIT_CIVIL_ACTION in traits:
        if not plaintiffs:
            yield NO_PLAINTIFF.at("persons[roles=CIVIL_PLAINTIFF]")
    elif plaintiffs:
        yield NO_CIVIL_ACTION.at("case.traits", person=plaintiffs[0])
    if CaseTrait.CASE_TRAIT_FOREIGN not in traits:
        for position, person in enumerate(manifest.persons):
            if person.id in accused and _is_foreign(person.nationality):
                yield FOREIGN.at(f"persons[{position}].nationality", person=person.id)


def _is_foreign(nationality: CodedValue) -> bool:
    if nationality.code in _CHINA_CODES or nationality.name.startswith(_CHINA_NAMES):
        return False
    return bool(nationality.name)


def _articles(table: CodeTable | None) -> dict[str, str]:
    """The article of each offence that the edition's table has, as it is cited."""
    return {text.zh: article_text(code) for code, text in table.codes.items()} if table else {}
