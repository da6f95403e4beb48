"""Commands for operators about single packages of their node: operations test, operations withdraw."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from xietong.exchange.v1.package_pb2 import DeliveryState, Package
from xietong_client.cli.exit_codes import ExitCode
from xietong_client.cli.lines import reason_line, summary
from xietong_client.cli.session import Session
from xietong_client.cli.tracing import drawn, skew_notes, waterfall_view
from xietong_client.cli.views import package_view
from xietong_client.operations import Operations
from xietong_client.packages import is_final
from xietong_client.send import party_named
from xietong_client.text import Text
from xietong_client.waterfall import waterfall_of

MAX_WAIT_SECONDS = 600
_LOOK_SECONDS = 0.2


async def try_chain(
    session: Session,
    party: Annotated[str, typer.Argument(metavar="PARTY", help="Whose node is to answer.")],
    *,
    wait: Annotated[
        int, typer.Option(min=1, max=MAX_WAIT_SECONDS, help="How long to wait for the answer.")
    ] = 60,
) -> ExitCode | None:
    """Sends a test package through the whole chain, and shows which hops answered and what each took."""
    output = session.output
    async with session.operate() as operations:
        sent = await operations.send_test(party_named(party))
        output.when_interrupted = _seen_later(sent.package_id)
        package = await _answered(operations, sent.package_id, wait)
    waterfall = waterfall_of(package)
    output.result(waterfall_view(package, waterfall))
    for line in summary(package):
        output.line(line)
    for row in drawn(waterfall, output.language):
        output.line(Text(row, row))
    for note in skew_notes(waterfall):
        output.line(note, "yellow")
    if package.state == DeliveryState.DELIVERY_STATE_ACCEPTED:
        output.line(
            Text("全链路正常：每一段都已应答。", "the whole chain works: every hop answered."), "green"
        )
        return None
    output.line(_stopped(package, wait), "red")
    return ExitCode.UNREACHABLE


async def withdraw(
    session: Session,
    package_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the package.")],
    *,
    reason: Annotated[str, typer.Option(help="Why, in words.")],
) -> None:
    """Asks to withdraw a package that the own party sent."""
    async with session.operate() as operations:
        package = await operations.withdraw(package_id, reason)
    session.output.result(package_view(package))
    for line in summary(package):
        session.output.line(line)


async def _answered(operations: Operations, package_id: str, seconds: int) -> Package:
    """The package with its outcome, or as it is when the time is over."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        package = await operations.package(package_id)
        if is_final(package) or package.state == DeliveryState.DELIVERY_STATE_FAILED or loop.time() > end:
            return package
        await asyncio.sleep(_LOOK_SECONDS)


def _stopped(package: Package, wait: int) -> Text:
    """Where it stands, and why, as far as this node knows."""
    last = package.reasons[0] if package.reasons else package.progress.last_reason
    why = reason_line(last) if last.code else Text("", "")
    later = _seen_later(package.package_id)
    return Text(
        f"{wait} 秒内没有走完全程；{later.zh}{why.zh}",
        f"it did not come through in {wait} s; {later.en} {why.en}".rstrip(),
    )


def _seen_later(package_id: str) -> Text:
    command = f"xietong trace {package_id} --system operator"
    return Text(f"之后可用 `{command}` 查看。", f"`{command}` shows what becomes of it.")
