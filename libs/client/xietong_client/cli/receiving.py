"""Commands of the receiver: fetch, accept, return, reject."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xietong.casefile.v1.manifest_pb2 import PartKind
from xietong.exchange.v1.evidence_pb2 import Reason
from xietong.exchange.v1.package_pb2 import Package
from xietong_client.cli.lines import format_bytes
from xietong_client.cli.session import Output, Session
from xietong_client.cli.tracking import PackageId
from xietong_client.cli.views import package_view
from xietong_client.errors import SettingsInvalid
from xietong_client.text import Text

Reasons = Annotated[
    list[str],
    typer.Option(
        "--reason", metavar="CODE:PATH:TEXT", help="Why; PATH may be empty or #PART; may be repeated."
    ),
]
_PART_MARK = "#"


async def fetch(
    session: Session,
    package_id: PackageId,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go.")],
    kind: Annotated[
        list[str] | None, typer.Option(help="Only files of this kind, for example dossier; may be repeated.")
    ] = None,
) -> None:
    """Fetches a package."""
    output = session.output
    kinds = {_part_kind(name) for name in kind or ()}
    async with session.connect() as node:
        with output.bars() as bars:
            fetched = await node.fetch(
                package_id,
                directory,
                wanted=(lambda part: part.kind in kinds) if kinds else None,
                on_progress=bars.listen,
            )
    files = {name: str(path) for name, path in fetched.files.items()}
    output.result({**package_view(fetched.package), "directory": str(directory), "files": files})
    size = format_bytes(fetched.size_bytes)
    output.line(
        Text(
            f"已取件并核对摘要：{len(files)} 个文件，{size}，在 {directory}。",
            f"fetched and checked: {len(files)} file(s), {size}, in {directory}.",
        ),
        "green",
    )


async def accept(
    session: Session,
    package_id: PackageId,
    case_number: Annotated[str, typer.Option(help="Your case number for it.")],
) -> None:
    """Accepts a package."""
    async with session.connect() as node:
        package = await node.accept(package_id, case_number)
    _report(session.output, package)


async def return_package(session: Session, package_id: PackageId, reason: Reasons) -> None:
    """Returns a package for correction."""
    reasons = [parse_reason(written) for written in reason]
    async with session.connect() as node:
        package = await node.return_(package_id, reasons)
    _report(session.output, package)


async def reject(session: Session, package_id: PackageId, reason: Reasons) -> None:
    """Rejects a package."""
    reasons = [parse_reason(written) for written in reason]
    async with session.connect() as node:
        package = await node.reject(package_id, reasons)
    _report(session.output, package)


def parse_reason(written: str) -> Reason:
    """Reads `CODE:PATH:TEXT`; a PATH of `#3` means part 3. Raises SettingsInvalid."""
    code, first, rest = written.partition(":")
    path, second, text = rest.partition(":")
    is_part = path.startswith(_PART_MARK)
    if not code or not first or not second or not text or (is_part and not path[1:].isdecimal()):
        raise SettingsInvalid(
            reason="REASON_MALFORMED",
            text=Text(f"理由“{written}”格式不对。", f"the reason `{written}` is malformed."),
            remedy=Text(
                "格式为 CODE:PATH:TEXT，例如 XT-DOC-01:documents[0].title:标题缺失；PATH 可为空或 #附件号。",
                "Write CODE:PATH:TEXT, for example XT-DOC-01:documents[0].title:no title; PATH may be empty or #PART.",
            ),
        )
    part = int(path[1:]) if is_part else 0
    in_chinese = not text.isascii()
    return Reason(
        code=code,
        path="" if is_part else path,
        part=part,
        text_zh=text if in_chinese else "",
        text_en="" if in_chinese else text,
    )


def _part_kind(name: str) -> PartKind.ValueType:
    key = f"PART_KIND_{name.upper()}"
    if key in PartKind.keys():  # noqa: SIM118 - not a mapping
        return PartKind.Value(key)
    known = ", ".join(k.removeprefix("PART_KIND_").lower() for k, number in PartKind.items() if number)
    raise SettingsInvalid(
        reason="UNKNOWN_KIND",
        text=Text(f"没有附件类别 {name}。", f"there is no kind of part `{name}`."),
        remedy=Text(f"可用：{known}。", f"Use one of: {known}."),
    )


def _report(output: Output, package: Package) -> None:
    output.result(package_view(package))
    output.line(
        Text(
            f"{package.package_id}：{package.state_label_zh}",
            f"{package.package_id}: {package.state_label_en}",
        ),
        "green",
    )
