"""Withdrawal: a sender takes back a package that has no outcome yet, through a business system or an operator."""

from __future__ import annotations

from dataclasses import dataclass

from xietong.exchange.v1.evidence_pb2 import Actor, EvidenceKind, Reason
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.domain.chain_test import is_test
from xietong_exchange.domain.delivery import FINAL
from xietong_exchange.domain.errors import PackageNotFound, WithdrawalTooLate
from xietong_exchange.domain.evidence import Event
from xietong_exchange.domain.identity import Identity
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.records import OperationRecord, PackageRecord
from xietong_exchange.flow.store import Transaction

_ASKED = {EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REQUESTED, EvidenceKind.EVIDENCE_KIND_WITHDRAWN}


@dataclass(frozen=True, slots=True)
class _Wish:
    """Who wants it back, and why."""

    reason: str
    actor: Actor | None = None
    system: str = ""
    operator: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Asks to withdraw packages of this node's party."""

    exchange: Exchange
    desk: EvidenceDesk

    async def by_system(self, package_id: str, system: str, reason: str, actor: Actor) -> PackageRecord:
        """Ask for a business system.

        Raises:
            GrantMissing, PackageNotFound, WithdrawalTooLate.
        """
        self.exchange.profile.require(system, "submit")
        return await self._withdraw(package_id, _Wish(reason, actor=actor, system=system))

    async def by_operator(self, package_id: str, reason: str, caller: Identity) -> PackageRecord:
        """Ask for an operator, whom the log of operations names. Raises PackageNotFound, WithdrawalTooLate."""
        return await self._withdraw(package_id, _Wish(reason, operator=caller.path))

    async def _withdraw(self, package_id: str, wish: _Wish) -> PackageRecord:
        async with self.exchange.store.transaction() as tx:
            record = await tx.packages.get(package_id, lock=True)
            is_unseen = record is not None and bool(wish.system) and is_test(record.process_code)
            if record is None or record.direction != Direction.DIRECTION_OUTGOING or is_unseen:
                raise PackageNotFound(package_id=package_id)
            if record.state in FINAL - {DeliveryState.DELIVERY_STATE_WITHDRAWN}:
                state = DeliveryState.Name(record.state).removeprefix("DELIVERY_STATE_")
                raise WithdrawalTooLate(package_id=package_id, state=state)
            stated = await tx.packages.evidence(package_id)
            if not any(found.kind in _ASKED for found in stated):
                await self._ask(tx, record, wish)
        self.desk.announce(record)
        async with self.exchange.store.transaction() as tx:
            return await tx.packages.get(package_id) or record

    async def _ask(self, tx: Transaction, record: PackageRecord, wish: _Wish) -> None:
        if wish.operator:
            await tx.operations.append(self._log(record, wish))
        reasons = [Reason(code="WITHDRAWN_BY_SENDER", text_zh=wish.reason, text_en=wish.reason)]
        if await self.desk.withdraw(tx, record, actor=wish.actor, reasons=reasons):
            return
        request = Event(
            kind=EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REQUESTED,
            time=self.exchange.clock(),
            actor=wish.actor,
            system=wish.system,
            reasons=reasons,
        )
        await self.desk.state(tx, record, request)

    def _log(self, record: PackageRecord, wish: _Wish) -> OperationRecord:
        return OperationRecord(
            operation="withdraw_package",
            caller=wish.operator,
            package_id=record.package_id,
            note=wish.reason,
            time=self.exchange.clock(),
        )
