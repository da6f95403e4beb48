"""The frames of a transfer as the flow handles them.

Chunks carry nearly all bytes, so they get a type of their own, whose data is a view into the received message and is
copied nowhere between the wire and the disk. All other frames are the contract's messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from xietong.exchange.v1.transfer_service_pb2 import TransferRequest
from xietong_exchange.flow.part_store import Buffer


@dataclass(frozen=True, slots=True)
class DataFrame:
    """A `Chunk` of the contract and the number of its transfer."""

    part: int
    attempt: int
    offset: int
    data: Buffer
    transfer: int = 0
    """Number in the stream that it came in."""

    @property
    def end(self) -> int:
        """Offset after the last byte."""
        return self.offset + len(self.data)


Frame: TypeAlias = TransferRequest | DataFrame
