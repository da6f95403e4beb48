"""How a package, its evidence and its way over a hop read in the command line."""

from __future__ import annotations

from datetime import UTC

from google.protobuf.timestamp_pb2 import Timestamp

from xietong.exchange.v1.evidence_pb2 import Reason, Statement
from xietong.exchange.v1.package_pb2 import HopProgress, Package
from xietong_client.cli.session import Output
from xietong_client.labels import EVIDENCE_KINDS, HOP_STATES, PARTIES
from xietong_client.packages import envelope_of, statements_of
from xietong_client.text import Text


def format_bytes(size: int) -> str:
    """A size with a binary unit."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:  # noqa: PLR2004 - the step between units
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def summary(package: Package) -> list[Text]:
    """What the package is and how it stands."""
    envelope = envelope_of(package)
    sender, receiver = party_label(envelope.sender.party), party_label(envelope.receiver.party)
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


def evidence_line(statement: Statement) -> Text:
    """A piece of evidence with its reasons."""
    kind, party, time = _kind(statement), party_label(statement.stated_by), format_time(statement.event_time)
    reasons = [reason_line(reason) for reason in statement.reasons]
    zh = "".join(f"\n  {reason.zh}" for reason in reasons)
    en = "".join(f"\n  {reason.en}" for reason in reasons)
    return Text(f"{time}  {kind.zh}（{party.zh}）{zh}", f"{time}  {kind.en} ({party.en}){en}")


def progress_line(progress: HopProgress) -> Text:
    """The movement over a hop."""
    state = HOP_STATES.get(progress.state, Text("未知", "unknown"))
    peer = party_label(progress.peer)
    moved = f"{format_bytes(progress.transferred_bytes)} / {format_bytes(progress.total_bytes)}"
    reason = reason_line(progress.last_reason) if progress.HasField("last_reason") else Text("", "")
    return Text(
        f"  {peer.zh}：{state.zh} {moved} {reason.zh}".rstrip(),
        f"  {peer.en}: {state.en} {moved} {reason.en}".rstrip(),
    )


def reason_line(reason: Reason) -> Text:
    """A reason: code, place and text."""
    place = reason.path or (f"#{reason.part}" if reason.part else "")
    text = Text(reason.text_zh, reason.text_en)
    head = " ".join(filter(None, (reason.code, place)))
    return Text(f"{head}: {text.zh or text.en}", f"{head}: {text.en or text.zh}")


def _kind(statement: Statement) -> Text:
    return EVIDENCE_KINDS.get(statement.kind, Text("未知回执", "unknown evidence"))


def party_label(party: int) -> Text:
    """A party as people read it."""
    return {int(known): text for known, text in PARTIES.items()}.get(party, Text("未知单位", "unknown party"))


def _who(statement: Statement) -> str:
    return " ".join(filter(None, (statement.system, statement.actor.organ_code, statement.actor.handler_ref)))


def format_time(time: Timestamp) -> str:
    """An instant in the time zone of this machine."""
    return f"{time.ToDatetime(UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def evidence_table(package: Package, output: Output) -> None:
    """The evidence of a package."""
    columns = (
        Text("时间", "time"),
        Text("回执", "evidence"),
        Text("出具方", "stated by"),
        Text("经办", "by"),
    )
    rows = [
        (format_time(s.event_time), output.say(_kind(s)), output.say(party_label(s.stated_by)), _who(s))
        for s in statements_of(package)
    ]
    output.table(columns, rows)
