"""Finds the one package or case that somebody means, by whatever he knows of it: an id, a trace, a case number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from xietong.exchange.v1.package_pb2 import Package
from xietong.supervision.v1.flow_service_pb2 import Flow, ListFlowsRequest
from xietong_client.cli.lines import format_time, party_label
from xietong_client.cli.session import Session
from xietong_client.errors import Conflict, NotFound, Violation
from xietong_client.operations import Operations
from xietong_client.text import Text

Wanted = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="Id of the package; for operators also of the send or trace, or a case number."
    ),
]
_MOST_OFFERED = 10
_MOST_SEEN = 100
"""Packages of the newest that tell which cases are meant."""


async def wanted_package(session: Session, wanted: str) -> Package:
    """By the caller's rights: operators see what passes their node, systems what their party sends and receives."""
    if session.settings.system == "operator":
        async with session.operate() as operations:
            return await operations.package(await only_package(operations, wanted))
    async with session.connect() as node:
        return await node.get(wanted)


async def only_package(operations: Operations, wanted: str) -> str:
    """The id of the package that is meant. Raises NotFound, or Conflict with those to choose from."""
    found = await operations.flows.page(ListFlowsRequest(search=wanted, page_size=_MOST_OFFERED))
    packages = {flow.package_id: flow for flow in found.flows}
    return _only(wanted, packages, Text("数据包", "package"))


async def only_case(operations: Operations, wanted: str) -> str:
    """The collaboration case id that is meant. Raises NotFound, or Conflict with those to choose from."""
    found = await operations.flows.page(ListFlowsRequest(search=wanted, page_size=_MOST_SEEN))
    cases = {flow.collaboration_case_id: flow for flow in found.flows}
    return _only(wanted, cases, Text("案件", "case"))


def _only(wanted: str, found: Mapping[str, Flow], what: Text) -> str:
    if not found:
        raise NotFound(
            reason="PACKAGE_NOT_FOUND",
            text=Text(
                f"本节点没有与“{wanted}”对应的{what.zh}。", f'this node knows no {what.en} of "{wanted}".'
            ),
            remedy=Text("请核对编号，或在发送方节点查询。", "Check it, or ask at the sender's node."),
        )
    if len(found) > 1:
        offered = list(found.items())[:_MOST_OFFERED]
        raise Conflict(
            reason="AMBIGUOUS",
            text=Text(f"与“{wanted}”对应的{what.zh}不止一个。", f'"{wanted}" fits several: which {what.en}?'),
            remedy=Text("请给出其中一个的编号（先列最新的）。", "Give the id of one (the newest are first)."),
            violations=tuple(Violation(one, "", _described(flow)) for one, flow in offered),
            violation_count=len(found),
        )
    return next(iter(found))


def _described(flow: Flow) -> Text:
    sender, receiver = party_label(flow.sender.party), party_label(flow.receiver.party)
    time, numbers = format_time(flow.create_time), "、".join(one.number for one in flow.case_numbers)
    return Text(
        f"{flow.process_code} {sender.zh} → {receiver.zh} {time} {numbers}",
        f"{flow.process_code} {sender.en} → {receiver.en} {time} {numbers}",
    )
