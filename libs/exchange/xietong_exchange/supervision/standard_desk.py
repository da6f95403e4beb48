"""The books of the task force: changes of the data standard, step by step, and who took each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from xietong.supervision.v1 import standard_service_pb2 as pb
from xietong.supervision.v1.standard_change_pb2 import StandardChange, StandardChangeState
from xietong_exchange.domain import standard_change
from xietong_exchange.domain.errors import ChangeNotFound
from xietong_exchange.domain.identity import Identity
from xietong_exchange.domain.standard_change import Step
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.records import Operation, OperationRecord
from xietong_exchange.flow.store import Transaction


class _Take(Protocol):
    """A step of `domain.standard_change`, with what it needs beside the change."""

    def __call__(self, change: StandardChange, *, step: Step) -> StandardChange: ...


@dataclass(frozen=True, slots=True)
class StandardDesk:
    """What operators do about changes of the data standard; all steps raise ChangeStepRefused, ChangeNotFound."""

    exchange: Exchange

    async def page(
        self, states: Sequence[StandardChangeState.ValueType], *, before: int | None, limit: int
    ) -> list[tuple[int, StandardChange]]:
        """Changes with their positions, the newest first."""
        async with self.exchange.store.transaction() as tx:
            return await tx.standard_changes.page(states, before=before, limit=limit)

    async def get(self, change_id: str) -> StandardChange:
        """One change. Raises ChangeNotFound."""
        async with self.exchange.store.transaction() as tx:
            return await _found(tx, change_id)

    async def request(self, request: pb.RequestChangeRequest, caller: Identity) -> StandardChange:
        """A new change, or the one that this party asked for with this id before."""
        step = Step(caller, self.exchange.clock())
        change = standard_change.request(self.exchange.new_id(), request.draft, step)
        async with self.exchange.store.transaction() as tx:
            if await tx.standard_changes.add(change, request.request_id):
                await tx.operations.append(_record("request_change", change, step))
                return change
            known = await tx.standard_changes.requested(caller.party, request.request_id)
        assert known is not None  # noqa: S101 - it is what has stood in the way, and nobody removes changes
        return known

    async def close(self, request: pb.CloseChangeRequest, caller: Identity) -> StandardChange:
        """A local change is done."""
        step = self._step(caller, request.note)
        return await self._take("close_change", request.change_id, step, standard_change.close)

    async def decide(self, request: pb.DecideChangeRequest, caller: Identity) -> StandardChange:
        """The decision of the task force."""
        step = self._step(caller, request.decision.reason)
        take = partial(standard_change.decide, decision=request.decision)
        return await self._take("decide_change", request.change_id, step, take)

    async def publish(self, request: pb.PublishNoticeRequest, caller: Identity) -> StandardChange:
        """The notice is out."""
        step = self._step(caller, request.notice.number)
        take = partial(standard_change.publish, notice=request.notice)
        return await self._take("publish_notice", request.change_id, step, take)

    async def report(self, request: pb.ReportReadinessRequest, caller: Identity) -> StandardChange:
        """How ready a system of the caller's party is."""
        step = self._step(caller, request.readiness.system)
        take = partial(standard_change.report, readiness=request.readiness)
        return await self._take("report_readiness", request.change_id, step, take)

    async def put_in_force(self, request: pb.PutInForceRequest, caller: Identity) -> StandardChange:
        """The change takes effect."""
        step = self._step(caller, request.note)
        take = partial(standard_change.put_in_force, staying=request.staying_parties)
        return await self._take("put_in_force", request.change_id, step, take)

    async def retire(self, request: pb.RetireEditionRequest, caller: Identity) -> StandardChange:
        """The older edition is retired."""
        step = self._step(caller, request.note)
        return await self._take("retire_edition", request.change_id, step, standard_change.retire)

    def _step(self, caller: Identity, note: str) -> Step:
        return Step(caller, self.exchange.clock(), note)

    async def _take(
        self,
        operation: Operation,
        change_id: str,
        step: Step,
        take: _Take,
    ) -> StandardChange:
        async with self.exchange.store.transaction() as tx:
            known = await _found(tx, change_id, for_update=True)
            taken = take(known, step=step)
            if taken != known:
                await tx.standard_changes.replace(taken)
                await tx.operations.append(_record(operation, taken, step))
        return taken


async def _found(tx: Transaction, change_id: str, *, for_update: bool = False) -> StandardChange:
    change = await tx.standard_changes.get(change_id, for_update=for_update)
    if change is None:
        raise ChangeNotFound(change_id=change_id)
    return change


def _record(operation: Operation, change: StandardChange, step: Step) -> OperationRecord:
    said = f"{change.change_id} {step.note}".rstrip()
    return OperationRecord(operation=operation, caller=step.caller.path, note=said, time=step.time)
