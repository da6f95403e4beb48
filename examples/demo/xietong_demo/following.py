"""Where each package of the story is: from the sender's result file, and from the hub for the two hops."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Self

import grpc

from xietong.exchange.v1.evidence_pb2 import EvidenceKind
from xietong.exchange.v1.package_pb2 import DeliveryState, HopState
from xietong.supervision.v1.flow_service_pb2 import Flow, ListFlowsRequest
from xietong.supervision.v1.flow_service_pb2_grpc import FlowServiceStub
from xietong_client.labels import EVIDENCE_KINDS, party_name
from xietong_demo.desks import Desks
from xietong_demo.stack import Stack
from xietong_demo.story import Step
from xietong_system_desk.records import SendRecord, SendStage, SentPackage

HUB_DEADLINE_SECONDS = 1.0
LATEST_FLOWS = 5  # the story moves one package at a time
_HELD_BY_HUB = frozenset(
    {
        DeliveryState.DELIVERY_STATE_RELAYED,
        DeliveryState.DELIVERY_STATE_DELIVERED,
        DeliveryState.DELIVERY_STATE_RETRIEVED,
        DeliveryState.DELIVERY_STATE_PARSED,
        DeliveryState.DELIVERY_STATE_ACCEPTED,
        DeliveryState.DELIVERY_STATE_RETURNED,
        DeliveryState.DELIVERY_STATE_REJECTED,
    }
)
_DELIVERED = _HELD_BY_HUB - {DeliveryState.DELIVERY_STATE_RELAYED}
_STAGES = {
    SendStage.NEW: "待发送 new",
    SendStage.BEGUN: "上传中 uploading",
    SendStage.WAITING: "等待其他系统 waiting",
    SendStage.SUBMITTING: "提交中 submitting",
    SendStage.SENT: "已提交 submitted",
    SendStage.CONTRIBUTED: "已提供 contributed",
    SendStage.REFUSED: "未能发出 refused",
}


@dataclass(frozen=True, slots=True)
class Movement:
    """How far a package is: shares between 0 and 1 of the upload and of the two hops, and its state."""

    upload: float
    to_hub: float
    to_receiver: float
    state: str

    def after(self, earlier: Movement | None) -> Movement:
        """The same, but never behind what was shown: a hop forgets its bytes when it is done."""
        if earlier is None:
            return self
        to_hub, to_receiver = max(self.to_hub, earlier.to_hub), max(self.to_receiver, earlier.to_receiver)
        return Movement(max(self.upload, earlier.upload), to_hub, to_receiver, self.state)


class HubView:
    """What the hub tells its operator about packages under way; only shown, never counted on."""

    def __init__(self, stack: Stack) -> None:
        self._channel = stack.operator("hub")
        self._stub = FlowServiceStub(self._channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    async def flows(self) -> dict[str, Flow]:
        """The latest packages by id; none when the hub does not answer at once."""
        try:
            request = ListFlowsRequest(page_size=LATEST_FLOWS)
            answer = await self._stub.ListFlows(request, timeout=HUB_DEADLINE_SECONDS)
        except grpc.aio.AioRpcError:
            return {}
        return {flow.package_id: flow for flow in answer.flows}


def record_of(step: Step, desks: Desks) -> SendRecord:
    """What the submitting system has written about a step."""
    return SendRecord.read(step.dropped(desks))


def upload_of(step: Step, desks: Desks) -> float:
    """The share of the upload that all systems that contribute to a step have done, between 0 and 1.

    A system that has not begun says nothing of its bytes yet: the files tell how much there is to come.
    """
    records = [SendRecord.read(place) for place in step.places(desks)]
    total = max(step.upload_bytes, sum(record.total_bytes for record in records))
    return sum(record.uploaded_bytes for record in records) / total if total else 0.0


def package_of(record: SendRecord) -> SentPackage | None:
    """The package of a step, once there is one."""
    return record.packages[0] if record.packages else None


def movement_of(record: SendRecord, upload: float, flows: dict[str, Flow]) -> Movement:
    """How far the package of a step is."""
    package = package_of(record)
    if package is None:
        waits = f" ({', '.join(record.missing)})" if record.missing else ""
        return Movement(upload, 0.0, 0.0, f"{_STAGES[record.stage]}{waits}")
    flow = flows.get(package.package_id)
    to_hub, to_receiver = _hops(flow) if flow else (0.0, 0.0)
    if package.final:
        to_hub = to_receiver = 1.0
    return Movement(1.0, to_hub, to_receiver, _state(package))


def _state(package: SentPackage) -> str:
    """The state, and why the next hop did not succeed yet. It stays the same from one try to the next."""
    reason = package.hop_reason
    label = _state_label(package.state)
    return f"{label} ({reason['code']}: {reason['text_zh']})" if reason else label


def _state_label(state: str) -> str:
    """A state in Chinese, as the evidence that brings it is called, and in English, as the report writes it."""
    key = f"EVIDENCE_KIND_{state}"
    zh = EVIDENCE_KINDS[EvidenceKind.Value(key)].zh if key in EvidenceKind.keys() else ""  # noqa: SIM118 - no mapping
    return f"{zh} {state.lower()}".strip()


def _hops(flow: Flow) -> tuple[float, float]:
    if flow.state in _DELIVERED:
        return 1.0, 1.0
    progress = flow.progress
    share = progress.transferred_bytes / progress.total_bytes if progress.total_bytes else 0.0
    if progress.state == HopState.HOP_STATE_DONE:
        share = 1.0
    return (1.0, share) if flow.state in _HELD_BY_HUB else (share, 0.0)


def way_of(step: Step) -> tuple[str, str]:
    """Names of sender and receiver."""
    return party_name(step.case.sender), party_name(step.case.receivers[0].party)


def is_stuck(record: SendRecord) -> bool:
    """Whether the sending system has given the folder back to its user."""
    return record.stage is SendStage.REFUSED
