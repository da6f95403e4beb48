"""Commands for operators about what their node gave up: dead list, dead inspect, dead replay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import typer

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.operations_service_pb2 import Delivery, DeliveryEvent
from xietong.exchange.v1.package_pb2 import Package
from xietong_client.cli.lines import evidence_table, format_time, party_label, reason_line, summary
from xietong_client.cli.session import Session
from xietong_client.cli.views import View, delivery_view, event_view, package_view
from xietong_client.errors import Conflict, NotFound, SettingsInvalid, XietongClientError
from xietong_client.labels import DELIVERY_EVENTS, EVIDENCE_KINDS, HOP_STATES, lane_name
from xietong_client.operations import Operations
from xietong_client.packages import statements_of
from xietong_client.send import party_named
from xietong_client.text import Text

To = Annotated[str | None, typer.Option(metavar="PARTY", help="Only what goes to this neighbour.")]
Reason = Annotated[str | None, typer.Option(metavar="CODE", help="Only what was given up for this reason.")]


async def list_dead(session: Session, *, to: To = None, reason: Reason = None) -> None:
    """Lists the dead letters of the node, the oldest first."""
    output, party = session.output, _party(to)
    async with session.operate() as operations:
        found = [one async for one in operations.dead_letters(to=party, reason=reason or "")]
    output.result({"deliveries": [delivery_view(one) for one in found]})
    if not found:
        output.line(Text("没有死信。", "no dead letters."))
        return
    for one in found:
        output.line(_line(one))


async def inspect(
    session: Session, delivery: Annotated[int, typer.Argument(min=1, help="Number of the delivery.")]
) -> None:
    """Shows a delivery: why and when it was given up, its package, and the evidence."""
    async with session.operate() as operations:
        found = await operations.delivery(delivery)
        package = await operations.package(found.delivery.package_id)
    output, events = session.output, list(found.events)
    output.result(
        {
            "delivery": delivery_view(found.delivery),
            "events": [event_view(event) for event in events],
            "package": package_view(package),
        }
    )
    for line in _lines(found.delivery, package):
        output.line(line)
    for event in events:
        output.line(_event_line(event), "dim")
    for line in summary(package):
        output.line(line)
    evidence_table(package, output)


async def replay(
    session: Session,
    deliveries: Annotated[
        list[int] | None, typer.Argument(min=1, metavar="[DELIVERY]", help="Numbers of deliveries.")
    ] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="All dead letters.")] = False,
    to: To = None,
    reason: Reason = None,
) -> None:
    """Puts deliveries back into the queue: those that are named, or all that the options choose."""
    chosen, party = deliveries or [], _party(to)
    if bool(chosen) == bool(every or to or reason):
        raise _nothing_chosen()
    async with session.operate() as operations:
        if chosen:
            replayed, passed = [await operations.replay(number) for number in chosen], list[Passed]()
        else:
            async with aclosing(operations.dead_letters(to=party, reason=reason or "")) as dead:
                replayed, passed = await _replay_all(operations, dead)
    views: list[View] = [{"delivery_id": number, "reason": error.reason} for number, error in passed]
    session.output.result({"replayed": [delivery_view(one) for one in replayed], "passed_over": views})
    done, left = len(replayed), len(passed)
    session.output.line(
        Text(f"已重新排队 {done} 件。", f"{done} put back into the queue."), "green" if done else ""
    )
    if left:
        session.output.line(
            Text(f"{left} 件此前已由他人处理。", f"{left} had been dealt with by somebody else."), "yellow"
        )


Passed = tuple[int, XietongClientError]


async def _replay_all(
    operations: Operations, dead: AsyncIterator[Delivery]
) -> tuple[list[Delivery], list[Passed]]:
    """Those that were put back, and those of which somebody else disposed meanwhile."""
    replayed, passed = list[Delivery](), list[Passed]()
    async for one in dead:
        try:
            replayed.append(await operations.replay(one.delivery_id))
        except (Conflict, NotFound) as error:
            passed.append((one.delivery_id, error))
    return replayed, passed


def _nothing_chosen() -> SettingsInvalid:
    return SettingsInvalid(
        reason="USAGE",
        text=Text(
            "请给出投递编号，或用 --all、--to、--reason 选择，不能同时使用。",
            "name deliveries, or choose with --all, --to or --reason, not both.",
        ),
        remedy=Text("编号见 `xietong dead list`。", "`xietong dead list` shows the numbers."),
    )


def _party(name: str | None) -> Party.ValueType | None:
    return party_named(name) if name else None


def _line(delivery: Delivery) -> Text:
    what, to, last = _what(delivery), party_label(delivery.destination), format_time(delivery.progress_time)
    head, reason = f"{delivery.delivery_id}  {delivery.package_id}", delivery.last_reason.code
    return Text(
        f"{head}  {what.zh} → {to.zh}  {delivery.attempts} 次  最近进展 {last}  {reason}",
        f"{head}  {what.en} → {to.en}  {delivery.attempts} tries, last progress {last}  {reason}",
    )


def _what(delivery: Delivery) -> Text:
    return Text("回执", "evidence") if delivery.evidence_id else Text("数据包", "package")


def _lines(delivery: Delivery, package: Package) -> list[Text]:
    """The delivery in words; what it carries is found among the evidence of its package."""
    what, to = _what(delivery), party_label(delivery.destination)
    carried = next((s for s in statements_of(package) if s.evidence_id == delivery.evidence_id), None)
    kind = EVIDENCE_KINDS.get(carried.kind, Text("", "")) if carried is not None else Text("", "")
    state, lane = HOP_STATES.get(delivery.state, Text("未知", "unknown")), lane_name(delivery.lane)
    begin, last = format_time(delivery.create_time), format_time(delivery.progress_time)
    reason = [reason_line(delivery.last_reason)] if delivery.HasField("last_reason") else []
    return [
        Text(
            f"投递 {delivery.delivery_id}：{what.zh}{kind.zh and f'（{kind.zh}）'} → {to.zh}，{lane}，{state.zh}",
            f"delivery {delivery.delivery_id}: {what.en}{kind.en and f' ({kind.en})'} → {to.en}, {lane}, {state.en}",
        ),
        Text(
            f"{begin} 入队，已尝试 {delivery.attempts} 次，最近进展 {last}",
            f"queued {begin}, {delivery.attempts} tries, last progress {last}",
        ),
        *(Text(f"原因：{one.zh}", f"reason: {one.en}") for one in reason),
    ]


def _event_line(event: DeliveryEvent) -> Text:
    unknown = Text(event.operation, event.operation)
    name, time = DELIVERY_EVENTS.get(event.operation, unknown), format_time(event.event_time)
    tail = f"  {event.caller}  {event.reason_code}".rstrip()
    return Text(f"{time}  {name.zh}{tail}", f"{time}  {name.en}{tail}")
