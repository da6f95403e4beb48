"""Writes a case folder to fill in: what a process of the data standard asks for, with blanks and what belongs there.

A folder with blanks is not sent: `xietong preflight` names each of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from xietong_client.case_folder import PACKAGE_FILE
from xietong_client.errors import local_storage_failed
from xietong_client.text import Text
from xietong_client.yaml_source import CaseFolderInvalid
from xietong_standard import Edition, Party, Process
from xietong_standard.catalogue import Content
from xietong_standard.skeleton import Leaf, Node, Tree, skeleton

_FILES = {"volumes": Content.VOLUMES, "media": Content.MEDIA}
"""Lists of the manifest that a system of its own may bring, and with what content."""
_PARTS = {"PART_KIND_DOSSIER": Content.VOLUMES, "PART_KIND_VIDEO": Content.MEDIA}


@dataclass(frozen=True, slots=True)
class _Share:
    """What one system brings: the tree of its data, and the name of its file and folder."""

    system: str
    name: str
    tree: Tree


def write_template(
    process: Process, edition: Edition, directory: Path, sender: Party | None = None
) -> list[Path]:
    """Writes the folder and returns its files. `sender` is one of the process's senders, the first when not given.

    Raises:
        CaseFolderInvalid: the folder has something in it already; nothing is overwritten.
        LocalStorageFailed: it can't be written.
    """
    party = sender or min(process.senders[0].parties)
    shares = _shares(process, party)
    files = {PACKAGE_FILE: _package(process, edition, party, shares)}
    files |= {f"{share.name}.yaml": "".join(_render(share.tree)) for share in shares}
    try:
        if directory.exists() and any(directory.iterdir()):
            raise _not_empty(directory)
        for share in shares:
            (directory / share.name).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (directory / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise local_storage_failed(error, str(directory)) from error
    return [directory / name for name in files]


def _not_empty(directory: Path) -> CaseFolderInvalid:
    return CaseFolderInvalid(
        reason="CASE_FOLDER_EXISTS",
        text=Text(f"文件夹 {directory} 不是空的。", f"the folder {directory} is not empty."),
        remedy=Text("请换一个文件夹。", "Name another folder."),
    )


def _shares(process: Process, party: Party) -> list[_Share]:
    """The tree of the process, divided among the systems of the sender that usually bring each part of it."""
    tree = skeleton(process)
    systems = {
        content: contribution.system.id
        for contribution in process.contributions
        if contribution.system.party == party
        for content in contribution.contents
    }
    leading = systems[Content.DATA]
    apart = {content: systems.get(content, leading) for content in _FILES.values()}
    if all(system == leading for system in apart.values()):
        return [_Share(leading, "case", tree)]
    own, other = _divided(tree, [content for content, system in apart.items() if system != leading])
    shares = [_Share(leading, "case", own)]
    name = next(system for system in apart.values() if system != leading)
    return [*shares, _Share(name, "dossier", other)] if other else shares


def _divided(tree: Tree, contents: list[Content]) -> tuple[Tree, Tree]:
    lists = {name for name, content in _FILES.items() if content in contents}
    own = {name: node for name, node in tree.items() if name not in lists and name != "parts"}
    other = {name: node for name, node in tree.items() if name in lists}
    for part in cast("list[Tree]", tree.get("parts", [])):
        target = other if _PARTS.get(cast("Leaf", part["kind"]).value) in contents else own
        cast("list[Tree]", target.setdefault("parts", [])).append(part)
    return own, other


def _package(process: Process, edition: Edition, party: Party, shares: list[_Share]) -> str:
    receivers = [min(role.parties) for role in process.receivers.roles if role.condition is None]
    to = ", ".join(dict.fromkeys(receiver.value.lower() for receiver in receivers))
    lines = [
        f"# {process.code} {process.name.zh} / {process.name.en}",
        '# 填写每个空白（""），把文件放入各文件夹，然后运行 xietong preflight。',
        '# Fill in every blank (""), put the files into the folders, then run xietong preflight.',
        f"# 有则填写的内容见 / What is given where there is any: xietong standard show {process.code}",
        f"process: {process.code}",
        f'edition: "{edition.id}"',
        f"from: {party.lower()}",
        f"to: [{to}]",
        'organ_code: ""  # 本单位机构代码 / organ code of your unit',
        'case_number: ""  # 本单位案号 / case number of your unit',
        'classification: ""  # 非涉密填 UNCLASSIFIED；涉密案件不得进入平台 / UNCLASSIFIED; a state secret never enters',
        'actor: {organ_code: "", handler_ref: ""}  # 经办人 / who is responsible',
        "contributions:",
    ]
    lines += [
        f"- {{system: {share.system}, name: {share.name}, data: {share.name}.yaml, files: {share.name}}}"
        for share in shares
    ]
    if process.answers:
        answered = "、".join(process.answers)
        lines.append(f"# in_reply_to: …  # 所答复的文件夹（{answered}） / the folder that this one answers")
    return "\n".join(lines) + "\n"


def _render(node: Node, indent: str = "") -> Iterator[str]:
    """The lines of a tree as YAML; a line says in both languages what is to stand there."""
    if isinstance(node, Leaf):
        yield f" {_scalar(node.value)}{_comment(node)}\n"
    elif isinstance(node, list):
        yield "\n"
        for child in node:
            yield from _item(child, indent)
    else:
        yield "\n" if indent else ""
        for name, child in node.items():
            yield f"{indent}{name}:"
            yield from _render(child, indent + ("" if isinstance(child, list) else "  "))


def _item(node: Node, indent: str) -> Iterator[str]:
    lines = "".join(_render(node, indent + "  ")).lstrip("\n")
    yield f"{indent}- {lines.strip(' ') if isinstance(node, Leaf) else lines.removeprefix(indent + '  ')}"


def _scalar(value: str) -> str:
    return value if value.isidentifier() else json.dumps(value, ensure_ascii=False)


def _comment(leaf: Leaf) -> str:
    texts = [f"{text.zh} / {text.en}" for text in (leaf.note, leaf.hint) if text is not None]
    return f"  # {'; '.join(texts)}" if texts else ""
