"""The frames of transfers and uploads as the flow handles them.

Chunks carry nearly all bytes, so they get a type of their own, whose data is a view into the received message and is
copied nowhere between the wire and the disk. All other frames are the contract's messages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from xietong.exchange.v1.gateway_drafts_pb2 import UploadPartRequest
from xietong.exchange.v1.transfer_service_pb2 import TransferRequest
from xietong_exchange.flow.part_store import Buffer


@dataclass(frozen=True, slots=True)
class DataFrame:
    """Bytes of a part: a `Chunk` of the contract and its transfer's number, or those of an upload or a download."""

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
UploadFrame: TypeAlias = UploadPartRequest | DataFrame


def runs(frames: Sequence[Frame]) -> Iterator[list[DataFrame] | TransferRequest]:
    """The frames in their order, consecutive chunks of a part together."""
    run: list[DataFrame] = []
    for frame in frames:
        if isinstance(frame, DataFrame) and run and _follows(frame, run[-1]):
            run.append(frame)
            continue
        if run:
            yield run
        run = []
        if isinstance(frame, DataFrame):
            run.append(frame)
        else:
            yield frame
    if run:
        yield run


def _follows(frame: DataFrame, last: DataFrame) -> bool:
    return (frame.part, frame.attempt, frame.offset) == (last.part, last.attempt, last.end)


def beyond(run: Sequence[DataFrame], offset: int) -> Iterator[Buffer]:
    """The bytes of consecutive chunks from this offset on."""
    for frame in run:
        if frame.end > offset:
            yield frame.data[max(0, offset - frame.offset) :]
