"""The delivery machine: how evidence moves a package from state to state, and what each state is called.

Evidence may arrive late, twice or out of order; a state therefore only ever rises in rank, a final one stays, and only
a package that was given up (FAILED) goes on when it is replayed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind as Kind
from xietong.exchange.v1.package_pb2 import DeliveryState as State

FINAL: Final = frozenset(
    {
        State.DELIVERY_STATE_ACCEPTED,
        State.DELIVERY_STATE_RETURNED,
        State.DELIVERY_STATE_REJECTED,
        State.DELIVERY_STATE_EXPIRED,
        State.DELIVERY_STATE_WITHDRAWN,
    }
)
"""States with an outcome: nothing follows."""

_REACHED: Final = {
    Kind.EVIDENCE_KIND_SUBMITTED: State.DELIVERY_STATE_SUBMITTED,
    Kind.EVIDENCE_KIND_RELAYED: State.DELIVERY_STATE_RELAYED,
    Kind.EVIDENCE_KIND_DELIVERED: State.DELIVERY_STATE_DELIVERED,
    Kind.EVIDENCE_KIND_RETRIEVED: State.DELIVERY_STATE_RETRIEVED,
    Kind.EVIDENCE_KIND_PARSED: State.DELIVERY_STATE_PARSED,
    Kind.EVIDENCE_KIND_ACCEPTED: State.DELIVERY_STATE_ACCEPTED,
    Kind.EVIDENCE_KIND_RETURNED: State.DELIVERY_STATE_RETURNED,
    Kind.EVIDENCE_KIND_REJECTED: State.DELIVERY_STATE_REJECTED,
    Kind.EVIDENCE_KIND_FAILED: State.DELIVERY_STATE_FAILED,
    Kind.EVIDENCE_KIND_EXPIRED: State.DELIVERY_STATE_EXPIRED,
    Kind.EVIDENCE_KIND_WITHDRAWN: State.DELIVERY_STATE_WITHDRAWN,
}

_RANK: Final = {
    State.DELIVERY_STATE_SUBMITTED: 1,
    State.DELIVERY_STATE_RELAYED: 2,
    State.DELIVERY_STATE_FAILED: 3,
    State.DELIVERY_STATE_DELIVERED: 4,
    State.DELIVERY_STATE_RETRIEVED: 5,
    State.DELIVERY_STATE_PARSED: 6,
}


def advance(state: State.ValueType, kind: Kind.ValueType) -> State.ValueType:
    """The state after evidence of this kind. Evidence that says nothing new leaves it as it is."""
    reached = _REACHED.get(kind)
    if reached is None or state in FINAL:
        return state
    if reached in FINAL:
        return reached
    return reached if _RANK[reached] > _RANK.get(state, 0) else state


_FROM_RECEIVER: Final = frozenset(
    {
        Kind.EVIDENCE_KIND_DELIVERED,
        Kind.EVIDENCE_KIND_RETRIEVED,
        Kind.EVIDENCE_KIND_PARSED,
        Kind.EVIDENCE_KIND_PARSE_FAILED,
        Kind.EVIDENCE_KIND_ACCEPTED,
        Kind.EVIDENCE_KIND_RETURNED,
        Kind.EVIDENCE_KIND_REJECTED,
        Kind.EVIDENCE_KIND_WITHDRAWAL_REFUSED,
    }
)
_FROM_SENDER: Final = frozenset({Kind.EVIDENCE_KIND_SUBMITTED, Kind.EVIDENCE_KIND_WITHDRAWAL_REQUESTED})
_FROM_HOLDER: Final = frozenset(
    {Kind.EVIDENCE_KIND_FAILED, Kind.EVIDENCE_KIND_EXPIRED, Kind.EVIDENCE_KIND_WITHDRAWN}
)


def may_state(
    kind: Kind.ValueType, stated_by: Party.ValueType, *, sender: Party.ValueType, receiver: Party.ValueType
) -> bool:
    """Whether the node of this party may state this about a package between these two."""
    if kind in _FROM_RECEIVER:
        return stated_by == receiver
    if kind in _FROM_SENDER:
        return stated_by == sender
    if kind == Kind.EVIDENCE_KIND_RELAYED:
        return stated_by == Party.PARTY_HUB
    return kind in _FROM_HOLDER and stated_by in {sender, receiver, Party.PARTY_HUB}


_FORWARD: Final = frozenset(
    {Kind.EVIDENCE_KIND_WITHDRAWAL_REQUESTED, Kind.EVIDENCE_KIND_WITHDRAWN, Kind.EVIDENCE_KIND_FAILED}
)


def travels_forward(kind: Kind.ValueType) -> bool:
    """Whether evidence of this kind travels towards the receiver."""
    return kind in _FORWARD


def travels_back(kind: Kind.ValueType) -> bool:
    """Whether evidence of this kind travels towards the sender."""
    return kind != Kind.EVIDENCE_KIND_WITHDRAWAL_REQUESTED


@dataclass(frozen=True, slots=True)
class Label:
    """What a state is called, and what comes next, for people."""

    zh: str
    en: str


LABELS: Final = {
    State.DELIVERY_STATE_DRAFT: Label("草稿：补齐材料后提交", "Draft: complete it, then submit"),
    State.DELIVERY_STATE_SUBMITTED: Label(
        "已提交：正在送往中心，无需重复发送", "Submitted: on its way to the hub; do not send again"
    ),
    State.DELIVERY_STATE_RELAYED: Label(
        "已到中心：正在转发给接收方，无需重复发送", "At the hub: being forwarded; do not send again"
    ),
    State.DELIVERY_STATE_DELIVERED: Label(
        "已送达：等待接收方业务系统取走", "Delivered: waits for the receiver's system to read it"
    ),
    State.DELIVERY_STATE_RETRIEVED: Label("已取走：等待接收方解析", "Retrieved: waits to be parsed"),
    State.DELIVERY_STATE_PARSED: Label("已解析：等待经办人受理", "Parsed: waits for the handler"),
    State.DELIVERY_STATE_ACCEPTED: Label("已受理", "Accepted"),
    State.DELIVERY_STATE_RETURNED: Label(
        "退回补正：请按原因更正后重新发送",
        "Returned: correct what the reasons name, then send the correction",
    ),
    State.DELIVERY_STATE_REJECTED: Label("已拒收：请查看原因", "Rejected: see the reasons"),
    State.DELIVERY_STATE_FAILED: Label(
        "投递失败：请联系运维重新投递", "Delivery given up: ask the operators to replay it"
    ),
    State.DELIVERY_STATE_EXPIRED: Label("已过期", "Expired"),
    State.DELIVERY_STATE_WITHDRAWN: Label("已撤回", "Withdrawn"),
}
UNKNOWN_LABEL: Final = Label("未知状态", "Unknown state")


def label(state: State.ValueType) -> Label:
    """The label of a state."""
    return LABELS.get(state, UNKNOWN_LABEL)
