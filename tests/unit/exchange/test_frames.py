"""Chunks on the wire: what our own codec reads and writes is what the generated code reads and writes."""

from __future__ import annotations

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from xietong.exchange.v1.gateway_drafts_pb2 import UploadChunk, UploadHeader, UploadPartRequest
from xietong.exchange.v1.gateway_packages_pb2 import ReadPartResponse
from xietong.exchange.v1.transfer_service_pb2 import Chunk, Commit, Offer, TransferRequest
from xietong_exchange.adapters.rpc.frames import decode_request, decode_upload, encode_block, encode_request
from xietong_exchange.flow.frames import DataFrame

uint32 = st.integers(0, 2**32 - 1)
uint64 = st.integers(0, 2**64 - 1)
chunk_requests = st.builds(
    lambda transfer, **chunk: TransferRequest(transfer=transfer, chunk=Chunk(**chunk)),
    uint32,
    part=uint32,
    attempt=uint32,
    offset=uint64,
    data=st.binary(max_size=300),
)


def plain(frame: object) -> tuple[int, int, int, int, bytes]:
    assert isinstance(frame, DataFrame)
    return frame.transfer, frame.part, frame.attempt, frame.offset, bytes(frame.data)


@given(chunk_requests)
def test_a_chunk_is_read_and_written_as_the_generated_code_does(request: TransferRequest) -> None:
    raw, chunk = request.SerializeToString(), request.chunk
    frame = decode_request(raw)
    assert plain(frame) == (request.transfer, chunk.part, chunk.attempt, chunk.offset, chunk.data)
    assert isinstance(frame, DataFrame)
    assert TransferRequest.FromString(encode_request(frame, request.transfer)) == request
    if chunk.data:
        assert encode_request(frame, request.transfer) == raw


@given(chunk_requests, chunk_requests, st.binary(max_size=40))
def test_unusual_encodings_mean_what_the_generated_code_says(
    first: TransferRequest, second: TransferRequest, unknown: bytes
) -> None:
    field_15 = b"\x7a" + bytes([len(unknown)]) + unknown
    for raw in (
        first.SerializeToString() + second.SerializeToString(),
        field_15 + first.SerializeToString(),
        first.SerializeToString() + field_15,
    ):
        meant = TransferRequest.FromString(raw)
        assert plain(decode_request(raw)) == (
            meant.transfer,
            meant.chunk.part,
            meant.chunk.attempt,
            meant.chunk.offset,
            meant.chunk.data,
        )


@given(st.binary(max_size=60))
def test_any_bytes_are_read_as_the_generated_code_reads_them(raw: bytes) -> None:
    try:
        meant = TransferRequest.FromString(raw)
    except DecodeError:
        with pytest.raises(DecodeError):
            decode_request(raw)
        return
    frame = decode_request(raw)
    if meant.WhichOneof("frame") == "chunk":
        assert plain(frame)[0] == meant.transfer
        assert plain(frame)[4] == meant.chunk.data
    else:
        assert frame == meant


@given(uint64, st.binary(max_size=300), st.binary(max_size=40))
def test_a_chunk_of_an_upload_is_read_as_the_generated_code_does(
    offset: int, data: bytes, unknown: bytes
) -> None:
    raw = UploadPartRequest(chunk=UploadChunk(offset=offset, data=data)).SerializeToString()
    field_15 = b"\x7a" + bytes([len(unknown)]) + unknown
    for sent in (raw, field_15 + raw, raw + field_15, raw + raw):
        assert plain(decode_upload(sent)) == (0, 0, 0, offset, data)


@given(st.binary(max_size=60))
def test_any_bytes_of_an_upload_are_read_as_the_generated_code_reads_them(raw: bytes) -> None:
    try:
        meant = UploadPartRequest.FromString(raw)
    except DecodeError:
        with pytest.raises(DecodeError):
            decode_upload(raw)
        return
    frame = decode_upload(raw)
    if meant.WhichOneof("frame") == "chunk":
        assert plain(frame) == (0, 0, 0, meant.chunk.offset, meant.chunk.data)
    else:
        assert frame == meant


def test_the_header_of_an_upload_stays_a_message() -> None:
    header = UploadPartRequest(header=UploadHeader(size_bytes=7))
    assert decode_upload(header.SerializeToString()) == header


@given(uint64, st.binary(max_size=300))
def test_a_block_of_a_download_is_written_as_the_generated_code_does(offset: int, data: bytes) -> None:
    assert (
        encode_block(DataFrame(0, 0, offset, data))
        == ReadPartResponse(offset=offset, data=data).SerializeToString()
    )


@pytest.mark.parametrize("request_", [TransferRequest(commit=Commit()), TransferRequest(offer=Offer())])
def test_other_frames_get_the_number_of_their_transfer(request_: TransferRequest) -> None:
    assert TransferRequest.FromString(encode_request(request_, 7)).transfer == 7
