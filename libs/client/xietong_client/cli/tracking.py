"""Commands that show where packages are: watch, status, inbox, parties."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC
from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from xietong.exchange.v1.evidence_pb2 import Reason, Statement
from xietong.exchange.v1.gateway_service_pb2 import PartyStatus
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction, HopProgress, Package
from xietong_client.cli.exit_codes import ExitCode
from xietong_client.cli.session import Output, Session
from xietong_client.cli.views import package_view, party_view
from xietong_client.labels import EVIDENCE_KINDS, HOP_STATES, PARTIES, party_name
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
    shown = 0
    hop: tuple[int, int] | None = None
    state: DeliveryState.ValueType = DeliveryState.DELIVERY_STATE_UNSPECIFIED
    changes = node.watch(package_id, patience_seconds=PATIENCE_SECONDS)
    with output.bars() as bars:
        async with aclosing(changes):
            async for package in changes:
                output.result(package_view(package))
                for statement in list(statements_of(package))[shown:]:
                    output.line(_evidence_line(statement))
                progress = package.progress
                if package.HasField("progress") and hop != (progress.state, progress.attempts):
                    output.line(_progress_line(progress), "dim")
                if progress.total_bytes:
                    bars.show(_party(progress.peer), progress.transferred_bytes, progress.total_bytes)
                hop, shown, state = (progress.state, progress.attempts), len(package.evidence), package.state
                if state == DeliveryState.DELIVERY_STATE_FAILED:
                    break
    return ExitCode.REFUSED if state in _UNSUCCESSFUL else ExitCode.OK


async def status(session: Session, package_id: PackageId) -> None:
    """Shows a package with its evidence."""
    async with session.connect() as node:
        package = await node.get(package_id)
    output = session.output
    output.result(package_view(package))
    for line in _summary(package):
        output.line(line)
    if package.HasField("progress"):
        output.line(_progress_line(package.progress))
    for reason in package.reasons:
        output.line(_reason_line(reason), "yellow")
    columns = (
        Text("时间", "time"),
        Text("回执", "evidence"),
        Text("出具方", "stated by"),
        Text("经办", "by"),
    )
    rows = [
        (_time(s.event_time), output.say(_kind(s)), output.say(_party(s.stated_by)), _who(s))
        for s in statements_of(package)
    ]
    output.table(columns, rows)


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
    via = _party(status.via)
    way = Text(f"经{via.zh}", f"through {via.en}")
    answers = Text(f"{via.zh}有应答", f"{via.en} answers")
    silent = Text(f"{via.zh}无应答", f"{via.en} does not answer")
    has_answered = status.HasField("last_contact_time")
    last, name = _time(status.last_contact_time), party_name(status.party)
    return (
        Text(f"{_party(status.party).zh} {name}", name),  # the name is what `--to` takes
        Text("直连", "directly") if status.via == status.party else way,
        answers if status.neighbour_reachable else silent,
        Text(last, last) if has_answered else Text("尚无", "never"),
    )


def format_bytes(size: int) -> str:
    """A size with a binary unit."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:  # noqa: PLR2004 - the step between units
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def _summary(package: Package) -> list[Text]:
    envelope = envelope_of(package)
    sender, receiver = _party(envelope.sender.party), _party(envelope.receiver.party)
    head = f"{package.package_id}  {envelope.process_code}"
    size, parts = format_bytes(package.size_bytes), len(envelope.parts)
    lines = [
        Text(
            f"{head}  {sender.zh} → {receiver.zh}  {size}，含清单 {parts} 件",
            f"{head}  {sender.en} → {receiver.en}  {size}, {parts} parts with manifest",
        ),
        Text(f"状态：{package.state_label_zh}", f"state: {package.state_label_en}"),
    ]
    if number := package.receiver_case_number:
        lines.append(Text(f"接收方案号：{number}", f"receiver's case number: {number}"))
    return lines


def _evidence_line(statement: Statement) -> Text:
    kind, party, time = _kind(statement), _party(statement.stated_by), _time(statement.event_time)
    reasons = [_reason_line(reason) for reason in statement.reasons]
    zh = "".join(f"\n  {reason.zh}" for reason in reasons)
    en = "".join(f"\n  {reason.en}" for reason in reasons)
    return Text(f"{time}  {kind.zh}（{party.zh}）{zh}", f"{time}  {kind.en} ({party.en}){en}")


def _progress_line(progress: HopProgress) -> Text:
    state = HOP_STATES.get(progress.state, Text("未知", "unknown"))
    peer = _party(progress.peer)
    moved = f"{format_bytes(progress.transferred_bytes)} / {format_bytes(progress.total_bytes)}"
    reason = _reason_line(progress.last_reason) if progress.HasField("last_reason") else Text("", "")
    return Text(
        f"  {peer.zh}：{state.zh} {moved} {reason.zh}".rstrip(),
        f"  {peer.en}: {state.en} {moved} {reason.en}".rstrip(),
    )


def _reason_line(reason: Reason) -> Text:
    place = reason.path or (f"#{reason.part}" if reason.part else "")
    text = Text(reason.text_zh, reason.text_en)
    head = " ".join(filter(None, (reason.code, place)))
    return Text(f"{head}: {text.zh or text.en}", f"{head}: {text.en or text.zh}")


def _inbox_row(package: Package, output: Output) -> tuple[str, ...]:
    envelope = envelope_of(package)
    return (
        package.package_id,
        envelope.process_code,
        output.say(_party(envelope.sender.party)),
        # In front of the colon stands the state, behind it what comes next.
        output.say(Text(package.state_label_zh.partition("：")[0], package.state_label_en.partition(":")[0])),
        format_bytes(package.size_bytes),
    )


def _inbox_line(package: Package) -> Text:
    envelope = envelope_of(package)
    sender = _party(envelope.sender.party)
    head = f"{package.package_id}  {envelope.process_code}"
    size = format_bytes(package.size_bytes)
    return Text(
        f"{head}  {sender.zh}  {package.state_label_zh}  {size}",
        f"{head}  {sender.en}  {package.state_label_en}  {size}",
    )


def _kind(statement: Statement) -> Text:
    return EVIDENCE_KINDS.get(statement.kind, Text("未知回执", "unknown evidence"))


def _party(party: int) -> Text:
    return {int(known): text for known, text in PARTIES.items()}.get(party, Text("未知单位", "unknown party"))


def _who(statement: Statement) -> str:
    return " ".join(filter(None, (statement.system, statement.actor.organ_code, statement.actor.handler_ref)))


def _time(time: Timestamp) -> str:
    """An instant in the time zone of this machine."""
    return f"{time.ToDatetime(UTC).astimezone():%Y-%m-%d %H:%M:%S}"
