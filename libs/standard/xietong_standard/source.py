"""Reads the YAML of an edition and keeps the line of every value.

An edition that is wrong must stop a service at start with file, line and reason; a plain YAML load has lost
the lines by the time that a mistake shows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import yaml

# The loader on libyaml is some ten times faster; builds of PyYAML without it fall back to the pure one.
_YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TEXT_TAG = "tag:yaml.org,2002:str"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in an edition. `line` counts from 1; `file` is relative to the folder of the editions."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


class EditionError(Exception):
    """An edition cannot be used; `problems` names each cause with file, line and reason."""

    def __init__(self, problems: Collection[Problem]) -> None:
        self.problems = tuple(problems)
        listed = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(
            f"the data standard cannot be used / 数据标准有误，无法使用:\n{listed}\n"
            "Mend the named lines, or install the published edition again. / "
            "请修正所列各行，或重新安装已发布的版本。"
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of a YAML file that knows where it stands. Every reading method fails with EditionError."""

    file: str
    node: yaml.Node

    @property
    def line(self) -> int:
        """Line in the file, from 1."""
        return int(self.node.start_mark.line) + 1

    def problem(self, reason: str) -> Problem:
        """A problem at this place."""
        return Problem(self.file, self.line, reason)

    def fail(self, reason: str) -> NoReturn:
        """Raises EditionError for this place."""
        raise EditionError([self.problem(reason)])

    def items(self) -> list[Entry]:
        """The entries of a sequence."""
        if not isinstance(self.node, yaml.SequenceNode):
            self.fail(f"a list is expected, not {_kind_of(self.node)}")
        return [Entry(self.file, child) for child in self.node.value]

    def is_text(self) -> bool:
        """Whether this is a scalar that YAML reads as text."""
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag == _TEXT_TAG

    def text(self) -> str:
        """Text that is not blank."""
        if not self.is_text():
            self.fail(f"text is expected, not {_kind_of(self.node)}; put a number, date or yes/no in quotes")
        value = str(self.node.value)
        if not value.strip():
            self.fail("the text is empty")
        return value

    def texts(self) -> tuple[str, ...]:
        """A list of texts without duplicates."""
        entries = self.items()
        seen: set[str] = set()
        for entry in entries:
            if entry.text() in seen:
                entry.fail(f"'{entry.text()}' is listed twice")
            seen.add(entry.text())
        return tuple(entry.text() for entry in entries)

    def choice(self, allowed: Collection[str]) -> str:
        """One word of a closed vocabulary."""
        value = self.text()
        if value not in allowed:
            self.fail(f"'{value}' is not one of: {', '.join(sorted(allowed))}")
        return value

    def integer(self) -> int:
        """A whole number."""
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value.lstrip("-").isdecimal():
            self.fail(f"a whole number is expected, not {_kind_of(self.node)}")
        return int(self.node.value)

    def positive(self) -> int:
        """A whole number from 1 on."""
        number = self.integer()
        if number < 1:
            self.fail(f"{number} is not 1 or more")
        return number

    def flag(self) -> bool:
        """`true` or `false`."""
        if not isinstance(self.node, yaml.ScalarNode) or self.node.value not in ("true", "false"):
            self.fail("'true' or 'false' is expected")
        return bool(self.node.value == "true")

    def pairs(self) -> list[tuple[Entry, Entry]]:
        """Keys and values of a mapping, in order; a key that is given twice is refused."""
        if not isinstance(self.node, yaml.MappingNode):
            self.fail(f"a mapping is expected, not {_kind_of(self.node)}")
        pairs = [(Entry(self.file, key), Entry(self.file, value)) for key, value in self.node.value]
        seen: set[str] = set()
        for key, _ in pairs:
            name = key.text()
            if name in seen:
                key.fail(f"'{name}' is given twice")
            seen.add(name)
        return pairs

    def fields(self, required: Collection[str], optional: Collection[str] = ()) -> Mapping[str, Entry]:
        """The values of a mapping with a fixed set of keys: an unknown key and a missing one are refused."""
        found: dict[str, Entry] = {}
        for key, value in self.pairs():
            name = str(key.node.value)
            if name not in required and name not in optional:
                key.fail(f"unknown key '{name}'; known here: {', '.join([*required, *optional])}")
            found[name] = value
        missing = [name for name in required if name not in found]
        if missing:
            self.fail(f"missing: {', '.join(missing)}")
        return found


def _kind_of(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return f"'{node.value}'" if node.value else "nothing"


def read_yaml(path: Path, root: Path) -> Entry:
    """Reads one YAML file below `root`. Raises EditionError when it is missing, not UTF-8 or not YAML."""
    name = path.relative_to(root).as_posix()
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=_YamlLoader)
    except OSError as error:
        raise EditionError([Problem(name, 1, f"the file cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise EditionError([Problem(name, 1, f"the file is not UTF-8: {error.reason}")]) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise EditionError([Problem(name, line, f"not YAML: {error.problem}")]) from error
    except yaml.YAMLError as error:
        raise EditionError([Problem(name, 1, f"not YAML: {error}")]) from error
    if node is None:
        raise EditionError([Problem(name, 1, "the file is empty")])
    return Entry(name, node)
