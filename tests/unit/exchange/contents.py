"""Which contents the packages of a node in memory need."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from tests.unit.exchange.packages import NOW

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_exchange.flow.records import PackageRecord


class PackagesInNeed(Protocol):
    """The packages in memory, and the contents that each of them needs."""

    records: dict[str, PackageRecord]
    needs: dict[str, set[bytes]]


@dataclass
class MemoryContents:
    """What packages need. Nothing changes by itself."""

    packages: PackagesInNeed
    left_alone: timedelta

    async def needed(self, owner: Party.ValueType, digests: Sequence[bytes], *, is_own: bool) -> set[bytes]:
        records = self.packages.records
        theirs = (needs for key, needs in self.packages.needs.items() if records[key].sender == owner)
        return set(digests) & set().union(*theirs)

    async def release(
        self, states: Collection[DeliveryState.ValueType], *, untouched_for: timedelta, limit: int
    ) -> list[PackageRecord]:
        return self._release(untouched_for, lambda one: one.complete and one.state in states, limit)

    async def release_unfinished(
        self,
        *,
        untouched_for: timedelta,
        limit: int,
        states: Collection[DeliveryState.ValueType] | None = None,
    ) -> list[PackageRecord]:
        return self._release(
            untouched_for, lambda one: not one.complete and (states is None or one.state in states), limit
        )

    def _release(
        self, untouched_for: timedelta, is_due: Callable[[PackageRecord], bool], limit: int
    ) -> list[PackageRecord]:
        if self.left_alone < untouched_for:
            return []
        records = self.packages.records
        kept = (one for one in records.values() if one.contents_removed_time is None)
        due = [replace(one, contents_removed_time=NOW) for one in kept if is_due(one)][:limit]
        records.update((one.package_id, one) for one in due)
        return due

    async def let_go(self, package_id: str, owner: Party.ValueType, digests: Sequence[bytes]) -> None:
        self.packages.needs[package_id] -= set(digests)

    async def hold(self, package_id: str, owner: Party.ValueType, digests: Sequence[bytes]) -> None:
        self.packages.needs[package_id] |= set(digests)
        record = self.packages.records[package_id]
        self.packages.records[package_id] = replace(record, contents_removed_time=None)
