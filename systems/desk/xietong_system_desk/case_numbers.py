"""The register of case numbers (案号登记簿): a case keeps its number in a series; a new one gets the next."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xietong_client import SettingsInvalid, Text
from xietong_system_desk.folders import write_json

_PLACEHOLDER = re.compile(r"\{(\w+)(?::(\d+)d)?\}")


@dataclass(frozen=True, slots=True)
class NumberSeries:
    """A series of case numbers, for example `捕受`.

    `template` must hold `{n}`, the running number, with its width as in `{n:04d}`; it may hold `{year}`, `{month:02d}`
    and the names of the register, for example `{organ}`.
    """

    name: str
    template: str

    def number(self, names: Mapping[str, str], year: int, month: int, n: int) -> str:
        """The n-th number of a year. Raises SettingsInvalid when the register lacks a name."""
        try:
            return self.template.format_map({**names, "year": year, "month": month, "n": n})
        except KeyError as error:
            raise _name_missing(str(error.args[0])) from error

    def matches(self, names: Mapping[str, str], number: str) -> bool:
        """Whether a number is of this series, of whatever year."""
        literals, pattern = _PLACEHOLDER.split(self.template), ""
        for literal, name, width in zip(
            literals[::3], [*literals[1::3], ""], [*literals[2::3], ""], strict=True
        ):
            pattern += re.escape(literal) + (_pattern(name, width, names) if name else "")
        return re.fullmatch(pattern, number) is not None


@dataclass(slots=True)
class CaseRegister:
    """The numbers that a system has given, in `register.json` of its desk; stored before a number is used.

    Attributes:
        names: What the templates call by name, for example the short name of the organ.
        year: The year of the register; 0 for the current one.
        last: The last running number by series.
        given: Number by series and collaboration case id.
    """

    path: Path
    names: dict[str, str]
    year: int
    last: dict[str, int]
    given: dict[str, dict[str, str]]
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)
    """Packages that are taken in at the same time number their cases in threads of their own."""

    @classmethod
    def load(cls, path: Path) -> CaseRegister:
        """Reads the register; an empty one where there is none. Raises SettingsInvalid when it is damaged."""
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        except (OSError, ValueError) as error:
            raise _unreadable(path, error) from error
        return cls(
            path=path,
            names=content.get("names", {}),
            year=content.get("year", 0),
            last=content.get("last", {}),
            given=content.get("given", {}),
        )

    def check(self, series: Iterable[NumberSeries]) -> None:
        """Raises SettingsInvalid when a number of one of the series could not be given."""
        for each in series:
            each.number(self.names, self.year, 1, 1)

    def assign(self, series: NumberSeries, collaboration_case_id: str, known: Iterable[str] = ()) -> str:
        """The number of a case in a series: as given before, else of the series among `known`, else the next."""
        with self._one_at_a_time:
            numbers = self.given.setdefault(series.name, {})
            if collaboration_case_id not in numbers:
                own = next((number for number in known if series.matches(self.names, number)), "")
                numbers[collaboration_case_id] = own or self._next(series)
                self._save()
            return numbers[collaboration_case_id]

    def case_of(self, number: str) -> str:
        """The collaboration case id for which a number was given, empty when it was not given here."""
        with self._one_at_a_time:
            pairs = (pair for numbers in self.given.values() for pair in numbers.items())
            return next((case_id for case_id, given in pairs if given == number), "")

    def _next(self, series: NumberSeries) -> str:
        today = datetime.now(UTC).astimezone()
        n = self.last.get(series.name, 0) + 1
        number = series.number(self.names, self.year or today.year, today.month, n)
        self.last[series.name] = n
        return number

    def _save(self) -> None:
        content = {"names": self.names, "year": self.year, "last": self.last, "given": self.given}
        write_json(self.path, content)


def _pattern(name: str, width: str | None, names: Mapping[str, str]) -> str:
    """What may stand for a placeholder."""
    if name in names:
        return re.escape(names[name])
    return "[0-9]{4}" if name == "year" else f"[0-9]{{{int(width or 1)},}}"


def _name_missing(name: str) -> SettingsInvalid:
    return SettingsInvalid(
        reason="REGISTER_INCOMPLETE",
        text=Text(f"案号登记簿缺少名称 {name}。", f"the register of case numbers lacks the name `{name}`."),
        remedy=Text(
            f'请在 register.json 的 names 中补上，例如 {{"names": {{"{name}": "…"}}}}。',
            f'Add it to `names` in register.json, as in {{"names": {{"{name}": "…"}}}}.',
        ),
    )


def _unreadable(path: Path, error: Exception) -> SettingsInvalid:
    return SettingsInvalid(
        reason="REGISTER_UNREADABLE",
        text=Text(f"案号登记簿 {path} 无法读取：{error}。", f"the register {path} cannot be read: {error}."),
        remedy=Text("请从备份恢复，勿重新编号。", "Restore it from a backup; do not number anew."),
    )
