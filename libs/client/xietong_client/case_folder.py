"""A case folder (案件文件夹): one package as files on disk, as `xietong send` takes it.

`package.yaml` says what the package is to be; each contribution names its case data (YAML in the form of the
contract's manifest) and the folder with its files. See docs/reference/case-folder.md.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.draft_pb2 import DraftKey
from xietong.exchange.v1.envelope_pb2 import Address, Classification, Party
from xietong.exchange.v1.evidence_pb2 import Actor
from xietong_client.labels import party_by_name, party_name
from xietong_client.message_reader import read_message
from xietong_client.text import Text
from xietong_client.yaml_source import Entry, ProblemList, read_yaml

PACKAGE_FILE = "package.yaml"
_REQUIRED = ("process", "from", "to", "organ_code", "case_number", "classification", "actor", "contributions")
_OPTIONAL = ("edition", "label", "in_reply_to", "corrects")
_CLASSIFICATIONS = {
    "UNCLASSIFIED": Classification.CLASSIFICATION_UNCLASSIFIED,
    "CLASSIFIED": Classification.CLASSIFICATION_CLASSIFIED,
}
# What file managers leave behind.
_IGNORED_NAMES = ("thumbs.db", "desktop.ini")


@dataclass(frozen=True, slots=True)
class FolderContribution:
    """What one system adds. `fragment` is None in a correction that changes files only."""

    system: str
    name: str
    fragment: Manifest | None
    files: Mapping[str, Path]


@dataclass(frozen=True, slots=True)
class CaseFolder:
    """A folder that was found consistent. `in_reply_to` and `corrects` are names of other folders."""

    path: Path
    edition: str
    sender: Party.ValueType
    receivers: tuple[Address, ...]
    key: DraftKey
    classification: Classification.ValueType
    actor: Actor
    contributions: tuple[FolderContribution, ...]
    in_reply_to: str = ""
    corrects: str = ""

    @classmethod
    def load(cls, path: str | Path) -> CaseFolder:
        """Reads the folder. Raises CaseFolderInvalid with all of its problems."""
        root = Path(path)
        problems = ProblemList()
        entry = read_yaml(root / PACKAGE_FILE, root, problems)
        if entry is None:
            raise problems.error(root)
        folder = _Reader(root, problems).read(entry)
        if problems.problems:
            raise problems.error(root)
        return folder


@dataclass(slots=True)
class _Reader:
    root: Path
    problems: ProblemList
    owners: dict[str, str] = field(default_factory=dict)
    """Name of each file, and the contribution that lists it."""
    listed: set[Path] = field(default_factory=set)
    found: dict[Path, Entry] = field(default_factory=dict)
    """Files below a `files` folder of contributions with data, and where that folder is named."""

    def read(self, entry: Entry) -> CaseFolder:
        fields = entry.known_fields(_REQUIRED, _OPTIONAL)
        texts = {name: value.text() for name, value in fields.items() if name in _SCALARS}
        corrects = texts.get("corrects", "")
        key = DraftKey(
            organ_code=texts.get("organ_code", ""),
            case_number=texts.get("case_number", ""),
            process_code=texts.get("process", ""),
            label=texts.get("label", ""),
        )
        actor = Actor()
        if "actor" in fields:
            read_message(fields["actor"], actor)
        return CaseFolder(
            path=self.root,
            edition=texts.get("edition", ""),
            sender=_party(fields["from"]) if "from" in fields else Party.PARTY_UNSPECIFIED,
            receivers=tuple(_address(item) for item in fields["to"].items()) if "to" in fields else (),
            key=key,
            classification=_classification(fields.get("classification")),
            actor=actor,
            contributions=self._contributions(fields.get("contributions"), is_correction=bool(corrects)),
            in_reply_to=texts.get("in_reply_to", ""),
            corrects=corrects,
        )

    def _contributions(self, entry: Entry | None, *, is_correction: bool) -> tuple[FolderContribution, ...]:
        if entry is None:
            return ()
        found = [self._contribution(item, is_correction=is_correction) for item in entry.items()]
        names = [contribution.name for contribution in found]
        for name in sorted({name for name in names if names.count(name) > 1}):
            entry.problem(
                f"有多个名为 {name} 的 contribution，请改名。", f"{name} names several contributions."
            )
        self._note_unlisted()
        return tuple(found)

    def _contribution(self, entry: Entry, *, is_correction: bool) -> FolderContribution:
        required = ("system", "name") if is_correction else ("system", "name", "data")
        fields = entry.known_fields(required, ("data", "files"))
        files = self._files_below(fields["files"]) if "files" in fields else {}
        data = self._case_data(fields["data"]) if "data" in fields else None
        fragment: Manifest | None = None
        if data is not None:
            self.found.update(dict.fromkeys(files.values(), fields.get("files", entry)))
            fragment = Manifest()
            read_message(data, fragment)
            files = self._listed_files(data, files, is_correction=is_correction)
            self.listed.update(files.values())
        system, name = (fields[key].text() if key in fields else "" for key in ("system", "name"))
        self._note_shared_names(entry, name, files)
        return FolderContribution(system, name, fragment, files)

    def _case_data(self, entry: Entry) -> Entry | None:
        path = self._inside(entry)
        return read_yaml(path, self.root, self.problems) if path is not None else None

    def _files_below(self, entry: Entry) -> dict[str, Path]:
        folder = self._inside(entry)
        if folder is None:
            return {}
        if not folder.is_dir():
            entry.problem("没有这个文件夹。", "there is no such folder.")
            return {}
        found: dict[str, Path] = {}
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and not _is_ignored(p, folder)):
            # File systems store names in other normalisation forms than the contract (macOS: NFD).
            name = unicodedata.normalize("NFC", path.name)
            if name in found:
                entry.problem(
                    f"有两个名为 {name} 的文件，请改名。", f"two files are named {name}; rename one."
                )
            if not self._leads_outside(entry, path):
                found[name] = path
        return found

    def _leads_outside(self, entry: Entry, path: Path) -> bool:
        """A link in a folder that came from elsewhere must not send a file that its sender never chose."""
        if path.resolve().is_relative_to(self.root.resolve()):
            return False
        entry.problem(
            f"{path.name} 是指向案件文件夹之外的链接，请改为放入文件本身。",
            f"{path.name} is a link that leads out of the case folder; put the file itself there.",
        )
        return True

    def _listed_files(
        self, data: Entry, available: Mapping[str, Path], *, is_correction: bool
    ) -> dict[str, Path]:
        listed: dict[str, Path] = {}
        for part in _entries_of(data, "parts"):
            entry = part.fields().get("name", part)
            name = entry.text()
            path = available.get(unicodedata.normalize("NFC", name))
            if problem := _name_problem(name):
                entry.problem(problem.zh, problem.en)
            elif path is not None:
                listed[name] = path
            elif not is_correction:
                entry.problem(
                    f"files 文件夹中没有 {name}。请放入该文件，或从 parts 中删除。",
                    f"{name} is not in the `files` folder. Put it there, or remove it from `parts`.",
                )
        return listed

    def _note_unlisted(self) -> None:
        for path in sorted(self.found.keys() - self.listed):
            self.found[path].problem(
                f"{path.name} 不在任何清单的 parts 中，不会发送。请列入 parts，或移出文件夹。",
                f"{path.name} is in no `parts` and would not be sent. List it, or take it out of the folder.",
            )

    def _note_shared_names(self, entry: Entry, contribution: str, files: Iterable[str]) -> None:
        for name in files:
            if name in self.owners:
                entry.problem(
                    f"文件名 {name} 已被 {self.owners[name]} 使用，请改名。",
                    f"the file name {name} is used by {self.owners[name]} already; rename one.",
                )
            self.owners[name] = contribution

    def _inside(self, entry: Entry) -> Path | None:
        """A path below the folder, as `package.yaml` writes it."""
        written = PurePosixPath(entry.text())
        if written.is_absolute() or ".." in written.parts or "\\" in str(written):
            entry.problem(
                "路径须在案件文件夹之内，用“/”分隔。",
                "the path must stay inside the case folder, with `/` between names.",
            )
            return None
        return None if self._leads_outside(entry, self.root / written) else self.root / written


def _entries_of(data: Entry, name: str) -> list[Entry]:
    found = data.fields().get(name)
    return found.items() if found is not None else []


_SCALARS = ("process", "edition", "organ_code", "case_number", "label", "in_reply_to", "corrects")


def _party(entry: Entry) -> Party.ValueType:
    written = entry.text()
    party = party_by_name(written)
    if party is not None:
        return party
    entry.unknown(written, [party_name(known) for known in Party.values() if known])
    return Party.PARTY_UNSPECIFIED


def _address(entry: Entry) -> Address:
    if not entry.is_mapping:
        return Address(party=_party(entry))
    fields = entry.known_fields(("party",), ("organ_code", "system"))
    texts = {name: fields[name].text() for name in ("organ_code", "system") if name in fields}
    party = _party(fields["party"]) if "party" in fields else Party.PARTY_UNSPECIFIED
    return Address(party=party, organ_code=texts.get("organ_code", ""), system=texts.get("system", ""))


def _classification(entry: Entry | None) -> Classification.ValueType:
    if entry is None:
        return Classification.CLASSIFICATION_UNSPECIFIED
    written = entry.text().removeprefix("CLASSIFICATION_")
    if written not in _CLASSIFICATIONS:
        entry.unknown(written, list(_CLASSIFICATIONS))
    return _CLASSIFICATIONS.get(written, Classification.CLASSIFICATION_UNSPECIFIED)


def _is_ignored(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return hidden or path.name.lower() in _IGNORED_NAMES


def _name_problem(name: str) -> Text | None:
    """Why the contract would not take this name of a part; the node checks the same again."""
    has_control = any(c in "/\\\x7f" or ord(c) < ord(" ") for c in name)
    is_plain = name not in ("", ".", "..") and name == name.strip(" ")
    if (
        is_plain
        and not has_control
        and len(name) <= _MAX_NAME_CHARS
        and len(name.encode()) <= _MAX_NAME_BYTES
    ):
        return None
    shown = ascii(name[:_SHOWN_NAME_CHARS]) if has_control else f"“{name[:_SHOWN_NAME_CHARS]}”"
    return Text(
        f"附件名{shown}无效：须为 1 至 {_MAX_NAME_CHARS} 个字符（{_MAX_NAME_BYTES} 字节），"
        "不含路径分隔符和控制字符，首尾无空格。",
        f"the name {shown} is not valid: 1 to {_MAX_NAME_CHARS} characters ({_MAX_NAME_BYTES} bytes), "
        "no path separators, no control characters, no space at either end.",
    )


_MAX_NAME_CHARS = 200  # Part.name of the contract
_MAX_NAME_BYTES = 255
_SHOWN_NAME_CHARS = 40
