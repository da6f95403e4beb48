"""Rules, what they find, and the verdict on a package.

A rule's code is stable: systems and people refer to it. Its texts come in both languages with the way to
mend it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from xietong_standard.checks.sources import Source
from xietong_standard.text import Text


class Severity(StrEnum):
    """An error keeps a package from leaving; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a package, where, why, and how to mend it.

    `path` leads into the manifest, entries counted from 0; it is empty when the whole package is meant. The
    texts name persons by their id in the manifest and never by their name; but they repeat titles and names of files,
    which may hold one: findings go to the caller alone, never into logs, metrics or spans.
    """

    rule: str
    severity: Severity
    path: str
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str
    basis: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: code, texts with `{placeholders}`, and the law, standard or contract on which it rests.

    `provenance` says how sure the basis is, in a word of the editions.
    """

    code: str
    severity: Severity
    text: Text
    remedy: Text
    basis: str
    provenance: str = "design"

    def at(self, path: str, /, *, basis: str = "", **values: Text | str | int) -> Finding:
        """What the rule finds at a path, which the texts know as `{path}`.

        A value may be a text of both languages; `basis` replaces the rule's own.
        """
        zh = {name: value.zh if isinstance(value, Text) else value for name, value in values.items()} | {
            "path": path
        }
        en = {name: value.en if isinstance(value, Text) else value for name, value in values.items()} | {
            "path": path
        }
        return Finding(
            rule=self.code,
            severity=self.severity,
            path=path,
            zh=self.text.zh.format_map(zh),
            en=self.text.en.format_map(en),
            remedy_zh=self.remedy.zh.format_map(zh),
            remedy_en=self.remedy.en.format_map(en),
            basis=basis or self.basis,
        )


@dataclass(frozen=True)
class Verdict:
    """All that was found in a package for one process and edition, in the order of the checks."""

    process_code: str
    edition_id: str
    findings: tuple[Finding, ...]

    @cached_property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that keep the package from leaving."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.ERROR)

    @cached_property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that the sender should look at."""
        return tuple(finding for finding in self.findings if finding.severity is Severity.WARNING)

    @property
    def ok(self) -> bool:
        """Whether the package may leave."""
        return not self.errors


def error(code: str, text: tuple[str, str], remedy: tuple[str, str], source: Source) -> Rule:
    """A rule whose findings are errors; texts are (Chinese, English)."""
    return Rule(code, Severity.ERROR, Text(*text), Text(*remedy), source.text, source.provenance)


def warning(code: str, text: tuple[str, str], remedy: tuple[str, str], source: Source) -> Rule:
    """A rule whose findings are warnings; texts are (Chinese, English)."""
    return Rule(code, Severity.WARNING, Text(*text), Text(*remedy), source.text, source.provenance)
