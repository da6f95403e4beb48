"""Commands that show where packages are: watch, status, inbox, parties."""

from __future__ import annotations

from contextlib import aclosing
from typing import Annotated

import typer

from xietong.exchange.v1.gateway_service_pb2 import PartyStatus
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction, Package
from xietong_client.cli.exit_codes import ExitCode
from xietong_client.cli.finding import Wanted, wanted_package
from xietong_client.cli.lines import (
    evidence_line,
    evidence_table,
    format_bytes,
    format_time,
    party_label,
    progress_line,
    reason_line,
    summary,
)
from xietong_client.cli.session import Output, Session
from xietong_client.cli.views import package_view, party_view
from xietong_client.labels import party_name
from xietong_client.node import Node
from xietong_client.packages import READABLE_STATES, envelope_of, statements_of
from xietong_client.text import Text

PackageId = Annotated[str, typer.Argument(metavar="ID", help="Id of the package.")]
# A command gives up where a business system would go on: its user sits before it.
PATIENCE_SECONDS = 300.0
_UNSUCCESSFUL = frozenset(
    {
        DeliveryState.DELIVERY_STATE_RETURNED,
        DeliveryState.DELIVERY_STATE_REJECTED,
        DeliveryState.DELIVERY_STATE_FAILED,
        DeliveryState.DELIVERY_STATE_EXPIRED,
        DeliveryState.DELIVERY_STATE_WITHDRAWN,
    }
)
_WAITING = (
    DeliveryState.DELIVERY_STATE_SUBMITTED,
    DeliveryState.DELIVERY_STATE_RELAYED,
    *sorted(READABLE_STATES),
)


async def watch(session: Session, package_id: PackageId) -> ExitCode:
    """Follows a package until its state is final, or its delivery is given up."""
    async with session.connect() as node:
        return await follow_package(node, package_id, session.output)


async def follow_package(node: Node, package_id: str, output: Output) -> ExitCode:
    """Prints each change of a package; the exit code tells how it ended."""
    output.when_interrupted = Text(
        f"已中断查看；数据包继续传送，无需重复发送。继续查看：`xietong watch {package_id}`。",
        f"interrupted; the package goes on by itself, do not send it again. `xietong watch {package_id}` follows it.",
    )
    shown = 0
    hop: tuple[int, int] | None = None
    state: DeliveryState.ValueType = DeliveryState.DELIVERY_STATE_UNSPECIFIED
    changes = node.watch(package_id, patience_seconds=PATIENCE_SECONDS)
    with output.bars() as bars:
        async with aclosing(changes):
            async for package in changes:
                output.result(package_view(package))
                for statement in list(statements_of(package))[shown:]:
                    output.line(evidence_line(statement))
                progress = package.progress
                if package.HasField("progress") and hop != (progress.state, progress.attempts):
                    output.line(progress_line(progress), "dim")
                if progress.total_bytes:
                    bars.show(party_label(progress.peer), progress.transferred_bytes, progress.total_bytes)
                hop, shown, state = (progress.state, progress.attempts), len(package.evidence), package.state
                if state == DeliveryState.DELIVERY_STATE_FAILED:
                    break
    return ExitCode.REFUSED if state in _UNSUCCESSFUL else ExitCode.OK


async def status(session: Session, wanted: Wanted) -> None:
    """Shows a package with its evidence."""
    package = await wanted_package(session, wanted)
    output = session.output
    output.result(package_view(package))
    for line in summary(package):
        output.line(line)
    if package.HasField("progress"):
        output.line(progress_line(package.progress))
    for reason in package.reasons:
        output.line(reason_line(reason), "yellow")
    evidence_table(package, output)


async def inbox(
    session: Session,
    *,
    follow: Annotated[bool, typer.Option("--follow", help="Go on and show every change.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Also what is addressed to other systems.")] = False,
) -> None:
    """Lists the incoming packages that wait."""
    output = session.output
    async with session.connect() as node:
        if follow:
            changes = node.inbox(only_addressed=not every, patience_seconds=PATIENCE_SECONDS)
            async with aclosing(changes):
                async for package in changes:
                    output.result(package_view(package))
                    output.line(_inbox_line(package))
            return
        own = node.info.system
        waiting = [
            package
            async for package in node.packages(Direction.DIRECTION_INCOMING, _WAITING)
            if every or envelope_of(package).receiver.system in ("", own)
        ]
    output.result({"packages": [package_view(package) for package in waiting]})
    if not waiting:
        output.line(Text("没有待处理的来件。", "nothing waits."))
        return
    columns = (
        Text("编号", "id"),
        Text("流程", "process"),
        Text("来自", "from"),
        Text("状态", "state"),
        Text("大小", "size"),
    )
    output.table(columns, [_inbox_row(package, output) for package in waiting])


async def parties(session: Session) -> None:
    """Lists the parties that packages can be sent to, and what the node knows of the way to each."""
    output = session.output
    async with session.connect() as node:
        found = await node.parties()
    output.result({"parties": [party_view(status) for status in found]})
    columns = (
        Text("单位", "party"),
        Text("经由", "way"),
        Text("下一节点", "next node"),
        Text("最近应答", "last answer"),
    )
    output.table(columns, [[output.say(cell) for cell in _way(status)] for status in found])


def _way(status: PartyStatus) -> tuple[Text, ...]:
    """A row of `parties`. What is behind the next node, only that one knows."""
    via = party_label(status.via)
    way = Text(f"经{via.zh}", f"through {via.en}")
    answers = Text(f"{via.zh}有应答", f"{via.en} answers")
    silent = Text(f"{via.zh}无应答", f"{via.en} does not answer")
    has_answered = status.HasField("last_contact_time")
    last, name = format_time(status.last_contact_time), party_name(status.party)
    return (
        Text(f"{party_label(status.party).zh} {name}", name),  # the name is what `--to` takes
        Text("直连", "directly") if status.via == status.party else way,
        answers if status.neighbour_reachable else silent,
        Text(last, last) if has_answered else Text("尚无", "never"),
    )


def _inbox_row(package: Package, output: Output) -> tuple[str, ...]:
    envelope = envelope_of(package)
    return (
        package.package_id,
        envelope.process_code,
        output.say(party_label(envelope.sender.party)),
        # In front of the colon stands the state, behind it what comes next.
        output.say(Text(package.state_label_zh.partition("：")[0], package.state_label_en.partition(":")[0])),
        format_bytes(package.size_bytes),
    )


def _inbox_line(package: Package) -> Text:
    envelope = envelope_of(package)
    sender = party_label(envelope.sender.party)
    head = f"{package.package_id}  {envelope.process_code}"
    size = format_bytes(package.size_bytes)
    return Text(
        f"{head}  {sender.zh}  {package.state_label_zh}  {size}",
        f"{head}  {sender.en}  {package.state_label_en}  {size}",
    )
