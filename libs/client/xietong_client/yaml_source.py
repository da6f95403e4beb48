"""YAML of a case folder with the line of every value, so that each mistake is shown where it stands.

All problems are collected before anything is refused: a clerk mends a folder once, not once per mistake.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from xietong_client.errors import ContentInvalid
from xietong_client.text import Language, Text

# The loader on libyaml is some ten times faster; builds of PyYAML without it fall back to the pure one.
_YamlLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULL_TAG = "tag:yaml.org,2002:null"
_DEEPEST_LEVEL = 50  # a manifest of the contract has about ten
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a case folder. `line` counts from 1; 0 means the whole file."""

    file: str
    line: int
    field: str
    text: Text

    def describe(self, language: Language) -> str:
        """The problem in one line."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return " ".join(filter(None, (f"{place}:", self.field, self.text.of(language))))


@dataclass(eq=False, kw_only=True)
class CaseFolderInvalid(ContentInvalid):
    """The case folder cannot be sent as it is; `problems` names every mistake and how to mend it."""

    problems: tuple[Problem, ...] = ()

    def describe(self, language: Language) -> str:
        """The text, and below it one line for each problem."""
        return "\n".join(
            [
                f"{self.reason}: {self.text.of(language)}",
                *(f"  {p.describe(language)}" for p in self.problems),
            ]
        )


@dataclass(slots=True)
class ProblemList:
    """The problems found so far."""

    problems: list[Problem] = field(default_factory=list)

    def add(self, file: str, line: int, place: str, text: Text) -> None:
        """Notes a problem."""
        self.problems.append(Problem(file, line, place, text))

    def error(self, folder: Path) -> CaseFolderInvalid:
        """The error that names all of them."""
        count = len(self.problems)
        text = Text(
            f"案件文件夹 {folder.name} 有 {count} 处问题，未发送。",
            f"the case folder {folder.name} has {count} {'problem' if count == 1 else 'problems'}; nothing was sent.",
        )
        return CaseFolderInvalid(reason="CASE_FOLDER_INVALID", text=text, problems=tuple(self.problems))


@dataclass(frozen=True, slots=True)
class Entry:
    """A value that knows where it stands. Reading methods note what is wrong and return an empty value."""

    file: str
    node: yaml.Node
    path: str
    problems: ProblemList

    @property
    def line(self) -> int:
        """Line in the file, from 1."""
        return int(self.node.start_mark.line) + 1

    @property
    def is_mapping(self) -> bool:
        """Whether this has fields."""
        return isinstance(self.node, yaml.MappingNode)

    @property
    def is_null(self) -> bool:
        """Whether nothing is given: `key:` or `key: null`."""
        return self.node.tag == _NULL_TAG

    def problem(self, zh: str, en: str) -> None:
        """Notes a problem at this place."""
        self.problems.add(self.file, self.line, self.path, Text(zh, en))

    def text(self) -> str:
        """A scalar exactly as it is written; numbers and dates are not converted."""
        if not isinstance(self.node, yaml.ScalarNode):
            self.problem("应为单个值，不是列表或映射。", "must be a single value, not a list or mapping.")
            return ""
        return "" if self.is_null else str(self.node.value)

    def items(self) -> list[Entry]:
        """The entries of a list."""
        if self.is_null:
            return []
        if not isinstance(self.node, yaml.SequenceNode):
            self.problem("应为列表，每项以“- ”开头。", "must be a list: put `- ` before each entry.")
            return []
        return [self._child(node, f"{self.path}[{n}]") for n, node in enumerate(self.node.value)]

    def fields(self) -> dict[str, Entry]:
        """The entries of a mapping by key."""
        if self.is_null:
            return {}
        if not isinstance(self.node, yaml.MappingNode):
            self.problem("应为“字段: 值”的映射。", "must be a mapping of `field: value`.")
            return {}
        found: dict[str, Entry] = {}
        for key, value in self.node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            child = self._child(value, f"{self.path}.{name}" if self.path else name)
            if name in found or not name:
                child.problem(
                    "字段重复或名称为空，请只保留一个。", "the field is given twice or has no name; keep one."
                )
            found[name] = child
        return found

    def known_fields(self, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Entry]:
        """The entries of a mapping with a fixed set of keys; notes unknown and missing ones."""
        found = self.fields()
        known = [*required, *optional]
        for name in [name for name in found if name not in known]:
            found.pop(name).unknown(name, known)
        for name in required:
            if name not in found or found[name].is_null:
                self.problem(f"缺少字段 {name}，请补上。", f"the field `{name}` is missing; add it.")
        return {name: entry for name, entry in found.items() if not entry.is_null}

    def unknown(self, name: str, known: Collection[str]) -> None:
        """Notes that there is no such field or value, with the nearest one that there is."""
        near = difflib.get_close_matches(name, known, n=1)
        hint_zh = f"是否为 {near[0]}？" if near else f"可用：{', '.join(known)}。"
        hint_en = f"did you mean `{near[0]}`?" if near else f"known here: {', '.join(known)}."
        self.problem(f"不认识“{name}”，{hint_zh}", f"`{name}` is not known; {hint_en}")

    def _child(self, node: yaml.Node, path: str) -> Entry:
        return Entry(self.file, node, path, self.problems)


def read_yaml(path: Path, root: Path, problems: ProblemList) -> Entry | None:
    """Reads one file of the folder `root`; None when it is no YAML, which is then among the problems."""
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    try:
        raw = path.read_bytes()
    except OSError as error:
        why = error.strerror or type(error).__name__
        problems.add(
            name,
            0,
            "",
            Text(
                f"无法读取该文件（{why}）。请核对路径。", f"the file cannot be read ({why}). Check the path."
            ),
        )
        return None
    text = _decoded(raw, name, problems)
    if text is None:
        return None
    try:
        if not _is_plain(text, name, problems):
            return None
        node = yaml.compose(text, Loader=_YamlLoader)
    except yaml.YAMLError as error:
        _note_syntax_error(error, name, problems)
        return None
    if node is None:
        problems.add(name, 0, "", Text("文件是空的。", "the file is empty."))
        return None
    return Entry(name, node, "", problems)


def _is_plain(text: str, name: str, problems: ProblemList) -> bool:
    """Whether the YAML is safe to build: the builder calls itself for each level, and follows every alias."""
    depth = 0
    for event in yaml.parse(text, Loader=_YamlLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):  # a few lines of them can mean billions of values
            said = Text(
                "不支持 YAML 别名（*），请写出内容。", "YAML aliases (`*`) are not supported; write it out."
            )
        elif depth > _DEEPEST_LEVEL:
            said = Text(
                f"嵌套超过 {_DEEPEST_LEVEL} 层，请检查缩进和括号。",
                f"more than {_DEEPEST_LEVEL} levels deep; check indentation and brackets.",
            )
        else:
            continue
        line = event.start_mark.line + 1 if event.start_mark is not None else 0
        problems.add(name, line, "", said)
        return False
    return True


def _decoded(raw: bytes, name: str, problems: ProblemList) -> str | None:
    if raw.startswith(_UTF16_MARKS):
        problems.add(name, 0, "", _encoding_text("UTF-16"))
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
    try:
        raw.decode("gb18030")
    except UnicodeDecodeError:
        text = Text(
            "文件不是 UTF-8 文本，请检查是否选错了文件。", "the file is not UTF-8 text; is it the right one?"
        )
    else:
        text = _encoding_text("GB18030")
    problems.add(name, line, "", text)
    return None


def _encoding_text(encoding: str) -> Text:
    return Text(
        f"文件是 {encoding} 编码，须为 UTF-8。请在编辑器中另存为 UTF-8，"
        f"或运行 `iconv -f {encoding} -t UTF-8`。",
        f"the file is encoded in {encoding}, it must be UTF-8. Save it as UTF-8 in your editor, "
        f"or run `iconv -f {encoding} -t UTF-8`.",
    )


def _note_syntax_error(error: yaml.YAMLError, name: str, problems: ProblemList) -> None:
    mark = getattr(error, "problem_mark", None)
    why = getattr(error, "problem", None) or str(error).partition("\n")[0]
    text = Text(
        f"YAML 语法错误（{why}）。请检查缩进、冒号后的空格和引号。",
        f"not valid YAML ({why}). Check the indentation, the space after colons, and quotes.",
    )
    problems.add(name, mark.line + 1 if mark is not None else 0, "", text)
