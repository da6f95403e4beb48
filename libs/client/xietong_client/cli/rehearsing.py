"""The command standard rehearse: which packages that the own node sent would fail under an edition that is to come."""

from __future__ import annotations

from contextlib import aclosing
from typing import Annotated

import typer

from xietong.exchange.v1.draft_pb2 import Finding
from xietong.exchange.v1.rehearsal_pb2 import RehearsalSummary, RehearsedPackage
from xietong_client.cli.exit_codes import ExitCode
from xietong_client.cli.lines import party_label
from xietong_client.cli.session import Output, Session
from xietong_client.cli.views import View
from xietong_client.labels import party_name
from xietong_client.status import unanswered
from xietong_client.text import Text


async def rehearse(
    session: Session,
    edition: Annotated[
        str, typer.Argument(metavar="EDITION", help="The edition to try, for example 2026.2.")
    ],
    *,
    days: Annotated[int, typer.Option(min=1, max=90, help="The sends of so many days.")] = 30,
) -> ExitCode | None:
    """Lists the sends of the last days that would fail under an edition, before it is decided on."""
    output, summary, views = session.output, None, list[View]()
    async with session.operate() as operations, aclosing(operations.rehearse(edition, days)) as answers:
        async for answer in answers:
            if answer.HasField("summary"):
                summary = answer.summary
                continue
            if output.as_json:
                views.append(_package_view(answer.package))
            _tell(output, answer.package)
    if summary is None:
        raise unanswered()
    output.result({"edition": edition, "days": days, "packages": views, **_summary_view(summary)})
    _tell_summary(output, summary)
    return ExitCode.REFUSED if summary.failing_count else None


def _tell(output: Output, package: RehearsedPackage) -> None:
    receiver, head = party_label(package.receiver.party), f"{package.package_id}  {package.process_code}"
    output.line(
        Text(
            f"{head} → {receiver.zh}（{package.standard_edition}）：{package.finding_count} 处不符合",
            f"{head} → {receiver.en} ({package.standard_edition}): {package.finding_count} new errors",
        ),
        "red",
    )
    for finding in package.findings:
        head = f"    {finding.rule}  {finding.path}"
        output.line(Text(f"{head}  {finding.text_zh}", f"{head}  {finding.text_en}"))


def _tell_summary(output: Output, summary: RehearsalSummary) -> None:
    checked, failing, unchecked = summary.checked_count, summary.failing_count, summary.unchecked_count
    output.line(
        Text(
            f"已检查 {checked} 件，其中 {failing} 件将无法发送；{unchecked} 件内容已不再保存，无法检查。",
            f"{checked} checked, {failing} of them would fail; {unchecked} not checked: contents no longer kept.",
        ),
        "red" if failing else "green",
    )
    if summary.processes:
        columns = (
            Text("流程", "process"),
            Text("已检查", "checked"),
            Text("将失败", "would fail"),
            Text("无法检查", "not checked"),
        )
        rows = [
            (one.process_code, f"{one.checked_count}", f"{one.failing_count}", f"{one.unchecked_count}")
            for one in summary.processes
        ]
        output.table(columns, rows)
    if summary.rules:
        columns_of_rules = (Text("规则", "rule"), Text("涉及件数", "packages"))
        output.table(columns_of_rules, [(one.rule, f"{one.failing_count}") for one in summary.rules])


def _package_view(package: RehearsedPackage) -> View:
    return {
        "package_id": package.package_id,
        "process": package.process_code,
        "receiver": party_name(package.receiver.party),
        "standard_edition": package.standard_edition,
        "finding_count": package.finding_count,
        "findings": [_finding_view(finding) for finding in package.findings],
    }


def _finding_view(finding: Finding) -> View:
    return {
        "rule": finding.rule,
        "path": finding.path,
        "text_zh": finding.text_zh,
        "text_en": finding.text_en,
        "basis": finding.basis,
    }


def _summary_view(summary: RehearsalSummary) -> View:
    return {
        "checked": summary.checked_count,
        "would_fail": summary.failing_count,
        "not_checked": summary.unchecked_count,
        "processes": [
            {
                "process": one.process_code,
                "checked": one.checked_count,
                "would_fail": one.failing_count,
                "not_checked": one.unchecked_count,
            }
            for one in summary.processes
        ],
        "rules": [{"rule": one.rule, "packages": one.failing_count} for one in summary.rules],
    }
