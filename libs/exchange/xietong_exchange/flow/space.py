"""Space: what the disk still has room for, with all bytes counted that were promised a place and are still to come.

Without these promises many offers could each be admitted alone and fill the disk together. They live as long as what
they were made for is under way in this process; what resumes after a break was admitted before and may use the reserve.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.domain.errors import StorageFull
from xietong_exchange.flow.part_store import PartStore


@dataclass(frozen=True, slots=True)
class Usage:
    """What a party takes in bytes; a quota of 0 is none."""

    party: Party.ValueType
    kept_bytes: int
    promised_bytes: int
    quota_bytes: int


@dataclass(frozen=True, slots=True)
class Space:
    """Admits new data while the disk keeps its reserve. All sizes are bytes."""

    parts: PartStore
    reserve_bytes: int
    quotas: Mapping[Party.ValueType, int] = field(default_factory=dict)
    """How much each party may take in all: packages received from it whose contents are kept, and what is promised."""
    _kept: Counter[Party.ValueType] = field(default_factory=Counter)
    _promised: Counter[Party.ValueType] = field(default_factory=Counter)

    @property
    def promised_bytes(self) -> int:
        """What was admitted and is still to come."""
        return self._promised.total()

    def promise(self, owner: Party.ValueType, wanted_bytes: int, *, resumes: bool = False) -> Promise:
        """A place for so many bytes of this party until the promise is closed.

        resumes: it was admitted before; such data may use the reserve, which is there to end what has begun.

        Raises:
            StorageFull: they would eat into the disk reserve, or exceed the party's quota.
        """
        free = self.parts.free_bytes() - self.promised_bytes
        usable = free if resumes else free - self.reserve_bytes
        if wanted_bytes > max(usable, 0):
            raise StorageFull(free=max(free, 0))
        if owner in self.quotas and not resumes:
            left = self.quotas[owner] - self._kept[owner] - self._promised[owner]
            if wanted_bytes > max(left, 0):
                raise StorageFull(free=max(left, 0))
        return Promise(owner, self._promised, wanted_bytes)

    def keep(self, owner: Party.ValueType, size_bytes: int) -> None:
        """The contents of a package of this party are kept from now on."""
        self._kept[owner] += size_bytes

    def let_go(self, owner: Party.ValueType, size_bytes: int) -> None:
        """They no longer are."""
        self._kept[owner] -= size_bytes

    def usage(self) -> list[Usage]:
        """What each party takes that takes anything, or has a quota."""
        parties = sorted({*+self._kept, *+self._promised, *self.quotas})  # a counter's + leaves out zeros
        return [
            Usage(party, max(self._kept[party], 0), self._promised[party], self.quotas.get(party, 0))
            for party in parties
        ]


class Promise:
    """Bytes that have a place until they are written, or do not come after all."""

    def __init__(
        self, owner: Party.ValueType, promised: Counter[Party.ValueType], promised_bytes: int
    ) -> None:
        self._owner = owner
        self._promised = promised
        self._bytes = 0
        self.change(promised_bytes)

    def change(self, promised_bytes: int) -> None:
        """From now on so many bytes are still to come."""
        self._promised[self._owner] += promised_bytes - self._bytes
        self._bytes = promised_bytes

    def close(self) -> None:
        """Nothing more comes; may be repeated."""
        self.change(0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
