"""Commands of the sender: send, preflight, withdraw."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from xietong.exchange.v1.draft_pb2 import Finding, FindingSeverity
from xietong.exchange.v1.gateway_drafts_pb2 import PreflightSummary
from xietong.exchange.v1.package_pb2 import Package
from xietong_client.case_folder import CaseFolder
from xietong_client.cli.exit_codes import ExitCode
from xietong_client.cli.outlook import outlook_lines, outlook_view
from xietong_client.cli.session import Output, Session
from xietong_client.cli.tracking import PackageId, follow_package
from xietong_client.cli.views import View, package_view
from xietong_client.draft import DraftSession
from xietong_client.errors import SettingsInvalid
from xietong_client.labels import PARTIES
from xietong_client.node import Node
from xietong_client.packages import envelope_of
from xietong_client.send import SendOptions, prepare_folder
from xietong_client.text import NO_TEXT, Text

Folder = Annotated[
    Path, typer.Argument(exists=True, file_okay=False, help="Folder with package.yaml and the files.")
]
Process = Annotated[
    str | None, typer.Option(help="The process that the folder must be of, for example PB-01.")
]
To = Annotated[
    list[str] | None, typer.Option(help="Receiver instead of that of the folder; may be repeated.")
]
ReplyTo = Annotated[str | None, typer.Option(help="Id of the package that this one answers.")]
Corrects = Annotated[str | None, typer.Option(help="Id of the returned package that this one corrects.")]
OnlyOwn = Annotated[
    bool,
    typer.Option(
        "--only-own", help="Contribute only what the folder gives to your system; others bring the rest."
    ),
]


async def send(
    session: Session,
    folder: Folder,
    process: Process = None,
    to: To = None,
    reply_to: ReplyTo = None,
    corrects: Corrects = None,
    *,
    only_own: OnlyOwn = False,
    watch: Annotated[bool, typer.Option("--watch", help="Follow the package after sending.")] = False,
) -> ExitCode | None:
    """Sends a case folder: pre-flight first, then submit."""
    output = session.output
    case = await _load(folder, process)
    options = _options(session, to, reply_to, corrects, only_own=only_own)
    async with session.connect() as node:
        draft = await _prepare(node, case, output, options)
        findings = _Findings(output)
        summary = await draft.preflight(findings.take)
        if summary.error_count:
            findings.report(summary)
            return ExitCode.CONTENT_INVALID
        packages = await draft.submit()
        output.result(
            {"packages": [package_view(package) for package in packages], "findings": findings.views}
        )
        _report_sent(output, packages)
        if not watch:
            return None
        codes = [await follow_package(node, package.package_id, output) for package in packages]
        return max(codes)


async def preflight(
    session: Session,
    folder: Folder,
    process: Process = None,
    to: To = None,
    reply_to: ReplyTo = None,
    corrects: Corrects = None,
    *,
    only_own: OnlyOwn = False,
) -> ExitCode | None:
    """Brings a case folder to the node and lists every finding; the draft stays open and nothing is sent."""
    case = await _load(folder, process)
    options = _options(session, to, reply_to, corrects, only_own=only_own)
    async with session.connect() as node:
        draft = await _prepare(node, case, session.output, options)
        findings = _Findings(session.output)
        summary = await draft.preflight(findings.take)
    findings.report(summary)
    return ExitCode.CONTENT_INVALID if summary.error_count else None


async def withdraw(
    session: Session,
    package_id: PackageId,
    reason: Annotated[str, typer.Option(help="Why, in words.")],
) -> None:
    """Asks to withdraw a package."""
    async with session.connect() as node:
        package = await node.withdraw(package_id, reason)
    session.output.result(package_view(package))
    session.output.line(
        Text(
            f"已申请撤回 {package_id}；结果见 `xietong status`。",
            f"asked to withdraw {package_id}; `xietong status` tells whether it could be.",
        )
    )


class _Findings:
    """Prints findings as they come, and keeps them for JSON only."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.views: list[View] = []

    def take(self, finding: Finding) -> None:
        is_error = finding.severity == FindingSeverity.FINDING_SEVERITY_ERROR
        text = Text(finding.text_zh, finding.text_en)
        if self._output.as_json:
            severity = "error" if is_error else "warning"
            self.views.append(_finding_view(finding, severity, text))
        head = f"{'✗' if is_error else '!'} {finding.rule} {finding.path}:"
        zh, en = (f"（{finding.basis}）", f" ({finding.basis})") if finding.basis else ("", "")
        line = Text(f"{head} {text.zh}{zh}", f"{head} {text.en}{en}")
        self._output.line(line, "red" if is_error else "yellow")

    def report(self, summary: PreflightSummary) -> None:
        errors, warnings = summary.error_count, summary.warning_count
        self._output.result(
            {
                "findings": self.views,
                "error_count": errors,
                "warning_count": warnings,
                "size_bytes": summary.size_bytes,
                "standard_edition": summary.standard_edition,
                "receivers": [outlook_view(one) for one in summary.receivers],
            }
        )
        if errors:
            zh, en = f"预检未通过：{errors} 处错误，", f"pre-flight failed: {errors} error(s), "
        else:
            zh, en = "预检通过，", "pre-flight passed, "
        text = Text(f"{zh}{warnings} 处提示。", f"{en}{warnings} warning(s).")
        self._output.line(text, "red" if errors else "green")
        for line in outlook_lines(summary):
            self._output.line(line)


def _finding_view(finding: Finding, severity: str, text: Text) -> View:
    return {
        "rule": finding.rule,
        "severity": severity,
        "path": finding.path,
        "text": {"zh": text.zh, "en": text.en},
        "basis": finding.basis,
    }


async def _load(folder: Path, process: str | None) -> CaseFolder:
    case = await asyncio.to_thread(CaseFolder.load, folder)
    if process and process != case.key.process_code:
        found = case.key.process_code
        raise SettingsInvalid(
            reason="PROCESS_MISMATCH",
            text=Text(
                f"文件夹的流程是 {found}，不是 {process}。",
                f"the folder is of process {found}, not {process}.",
            ),
            remedy=Text("请核对文件夹或 --process。", "Check the folder, or --process."),
        )
    return case


def _options(
    session: Session, to: list[str] | None, reply_to: str | None, corrects: str | None, *, only_own: bool
) -> SendOptions:
    return SendOptions(
        to=to or [],
        correlation_id=reply_to or "",
        corrects=corrects or "",
        only_own=only_own,
        actor=session.settings.load_actor(),
    )


async def _prepare(node: Node, case: CaseFolder, output: Output, options: SendOptions) -> DraftSession:
    with output.bars() as bars:
        return await prepare_folder(node, case, on_progress=bars.listen, **options)


def _report_sent(output: Output, packages: list[Package]) -> None:
    for package in packages:
        receiver = PARTIES.get(envelope_of(package).receiver.party, NO_TEXT)
        label = Text(package.state_label_zh, package.state_label_en)
        output.line(
            Text(
                f"已提交 {package.package_id} → {receiver.zh}（{label.zh}）",
                f"submitted {package.package_id} → {receiver.en} ({label.en})",
            ),
            "green",
        )
