"""The laws and standards on which rules rest, cited in one form, each with how sure the citation is.

The words of `provenance` are those of the editions: `src` read in the text, `ok` known with confidence but not read,
`unsure`, `design` of this standard.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Source:
    """A basis as findings carry it, Chinese and English, and a word of the editions' provenance."""

    text: str
    provenance: str


CONTRACT: Final = Source("xietong.casefile.v1", "design")
STANDARD: Final = Source("数据标准 / data standard", "design")
DATE_RULES: Final = Source("日期逻辑规则（设计） / date rules (design)", "design")
PAGE_RULES: Final = Source(
    "卷宗目录页次规则（设计） / page rules of the dossier catalogue (design)", "design"
)
FILE_RULES: Final = Source("文件名和格式规则（设计） / rules on file names and formats (design)", "design")
LIFECYCLE: Final = Source("数据标准：案件流转状态 / data standard: lifecycle", "design")
RESIDENT_NUMBER: Final = Source("GB 11643-1999", "src")
CREDIT_CODE: Final = Source("GB 32100-2015", "src")
CUSTODY_NUMBER: Final = Source("GA 300.3-2001", "src")
DOCUMENT_FORM: Final = Source("GB/T 9704-2012, 7.2.5", "ok")
FIXED_LAYOUT: Final = Source("GB/T 33190-2016；数据标准 / data standard", "ok")
LAWYER_NUMBER: Final = Source(
    "律师执业证号编码规则（12 位、17 位） / coding of lawyers' licences (12, 17 digits)", "unsure"
)
COURT_NUMBER: Final = Source("最高人民法院关于人民法院案件案号的若干规定 (2015)", "src")
AGE: Final = Source(
    "法释〔2006〕1号第2条；《刑法》(2023-12-29)第17条 / judicial interpretation [2006] 1, art. 2; "
    "Criminal Law (2023-12-29), art. 17",
    "ok",
)


def _law(zh: str, en: str, version: str, articles: tuple[str, ...], provenance: str) -> Source:
    return Source(
        f"《{zh}》({version})第{'、'.join(articles)}条 / {en} ({version}), art. {', '.join(articles)}",
        provenance,
    )


def procedure_law(*articles: str, provenance: str = "src") -> Source:
    """Articles of the Criminal Procedure Law."""
    return _law("刑事诉讼法", "CPL", "2018-10-26", articles, provenance)


def criminal_law(*articles: str, provenance: str = "src") -> Source:
    """Articles of the Criminal Law; its general part was read, the special part was not."""
    return _law("刑法", "Criminal Law", "2023-12-29", articles, provenance)


def legal_aid_law(*articles: str, provenance: str = "src") -> Source:
    """Articles of the Legal Aid Law."""
    return _law("法律援助法", "Legal Aid Law", "2021", articles, provenance)


def procurators_rules(*articles: str, provenance: str = "src") -> Source:
    """Articles of the criminal procedure rules of the procuratorates."""
    return _law(
        "人民检察院刑事诉讼规则",
        "Criminal procedure rules of the procuratorates",
        "2019",
        articles,
        provenance,
    )


def court_interpretation(*articles: str, provenance: str = "src") -> Source:
    """Articles of the Supreme People's Court's interpretation on applying the Criminal Procedure Law."""
    return _law(
        "最高人民法院关于适用刑事诉讼法的解释",
        "Interpretation on applying the CPL",
        "2021",
        articles,
        provenance,
    )


def both(first: Source, second: Source) -> Source:
    """Two sources of one rule; as sure as the less sure of them."""
    order = ("src", "ok", "design", "unsure")
    return Source(f"{first.text}; {second.text}", max(first.provenance, second.provenance, key=order.index))
