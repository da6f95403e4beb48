"""Chunks on the wire without protobuf's copies: read as views, written with one join.

The bytes are those of `TransferRequest`, `UploadPartRequest` and `ReadPartResponse`; whatever is not plainly one with a
chunk goes through the generated code.
Wire format: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from xietong.exchange.v1.gateway_drafts_pb2 import UploadPartRequest
from xietong.exchange.v1.transfer_service_pb2 import TransferRequest
from xietong_exchange.flow.frames import DataFrame, Frame, UploadFrame

_TRANSFER, _CHUNK = 0x08, 0x1A
"""Tags of fields 1 and 3 of `TransferRequest`."""
_PART, _ATTEMPT, _OFFSET, _DATA = 0x08, 0x10, 0x18, 0x22
"""Tags of fields 1 to 4 of `Chunk`."""
_UPLOAD_CHUNK = 0x12
"""Tag of field 2 of `UploadPartRequest`."""
_BLOCK_OFFSET, _BLOCK_DATA = 0x08, 0x12
"""Tags of fields 1 and 2 of `UploadChunk` and of `ReadPartResponse`."""
_MORE, _SEVEN_BITS = 0x80, 0x7F
_MAX_SHIFT = 63
_MAX_UINT32, _MAX_UINT64 = (1 << 32) - 1, (1 << 64) - 1


class _NotPlainError(Exception):
    """Not the form that encoders give a chunk."""


def encode_request(frame: Frame, transfer: int) -> bytes:
    """The frame as a message of the transfer with this number."""
    if not isinstance(frame, DataFrame):
        frame.transfer = transfer
        return frame.SerializeToString()
    length = len(frame.data)
    head = _field(_PART, frame.part) + _field(_ATTEMPT, frame.attempt) + _field(_OFFSET, frame.offset)
    head += _field(_DATA, length)
    start = _field(_TRANSFER, transfer) + bytes([_CHUNK])
    return b"".join((start, _varint(len(head) + length), head, frame.data))


def decode_request(raw: bytes) -> Frame:
    """The frame; a chunk's data is a view of `raw`. Raises google.protobuf.message.DecodeError."""
    try:
        return _chunk(raw)
    except (_NotPlainError, IndexError):
        request = TransferRequest.FromString(raw)
    if request.WhichOneof("frame") != "chunk":
        return request
    chunk = request.chunk
    return DataFrame(chunk.part, chunk.attempt, chunk.offset, chunk.data, request.transfer)


def decode_upload(raw: bytes) -> UploadFrame:
    """The frame of an upload; a chunk's data is a view of `raw`. Raises google.protobuf.message.DecodeError."""
    try:
        offset, at = _optional(raw, _rest(raw, 0, _UPLOAD_CHUNK), _BLOCK_OFFSET, _MAX_UINT64)
        return DataFrame(0, 0, offset, memoryview(raw)[_rest(raw, at, _BLOCK_DATA) :])
    except (_NotPlainError, IndexError):
        request = UploadPartRequest.FromString(raw)
    if request.WhichOneof("frame") != "chunk":
        return request
    return DataFrame(0, 0, request.chunk.offset, request.chunk.data)


def encode_block(block: DataFrame) -> bytes:
    """The bytes as a `ReadPartResponse`; its caller knows the part."""
    data = _field(_BLOCK_DATA, len(block.data))
    return b"".join((_field(_BLOCK_OFFSET, block.offset), data, block.data))


def _chunk(raw: bytes) -> DataFrame:
    transfer, at = _optional(raw, 0, _TRANSFER, _MAX_UINT32)
    at = _rest(raw, at, _CHUNK)
    part, at = _optional(raw, at, _PART, _MAX_UINT32)
    attempt, at = _optional(raw, at, _ATTEMPT, _MAX_UINT32)
    offset, at = _optional(raw, at, _OFFSET, _MAX_UINT64)
    return DataFrame(part, attempt, offset, memoryview(raw)[_rest(raw, at, _DATA) :], transfer)


def _optional(raw: bytes, at: int, tag: int, limit: int) -> tuple[int, int]:
    """The value of a field, 0 when it is not there, and what follows it."""
    if raw[at] != tag:
        return 0, at
    value, at = _read_varint(raw, at + 1)
    if value > limit:
        raise _NotPlainError
    return value, at


def _rest(raw: bytes, at: int, tag: int) -> int:
    """Where the bytes of this field begin, which must be all that is left."""
    if raw[at] != tag:
        raise _NotPlainError
    length, at = _read_varint(raw, at + 1)
    if at + length != len(raw):
        raise _NotPlainError
    return at


def _read_varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while (byte := raw[at]) & _MORE:
        value |= (byte & _SEVEN_BITS) << shift
        shift, at = shift + 7, at + 1
        if shift > _MAX_SHIFT:
            raise _NotPlainError
    return value | byte << shift, at + 1


def _field(tag: int, value: int) -> bytes:
    return bytes([tag]) + _varint(value) if value else b""


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > _SEVEN_BITS:
        encoded.append(value & _SEVEN_BITS | _MORE)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
