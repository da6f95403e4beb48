"""Page tokens: each leads back to its position in its own list, and nothing else is a token."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xietong.exchange.v1.envelope_pb2 import SignedEnvelope
from xietong.exchange.v1.gateway_drafts_pb2 import SubmitResponse
from xietong.exchange.v1.operations_service_pb2 import Delivery, ListDeliveriesResponse
from xietong.exchange.v1.package_pb2 import Package
from xietong_exchange.adapters.rpc.paging import (
    DEFAULT_PAGE_SIZE,
    decode_token,
    encode_token,
    fit,
    fit_packages,
    page_size,
)
from xietong_exchange.domain.errors import PageTokenInvalid

CALLS = st.sampled_from(["ListPackages", "ListDeliveries", "ListFlows"])
GRPC_DEFAULT_BYTES = 4 << 20
POSITIONS = st.integers(0, 2**63 - 1)


@given(CALLS, POSITIONS)
def test_a_token_leads_back_to_its_position(call: str, position: int) -> None:
    token = encode_token(call, position)
    assert decode_token(call, token) == position
    assert token.isascii()
    assert len(token) <= 60


@given(CALLS, CALLS, POSITIONS)
def test_a_token_of_another_list_is_refused(call: str, other: str, position: int) -> None:
    if call == other:
        return
    with pytest.raises(PageTokenInvalid):
        decode_token(other, encode_token(call, position))


@pytest.mark.parametrize("position", ["-1", str(2**63), "9" * 5000, "", "1.0", "0x1"])
def test_a_position_that_the_database_cannot_count_to_is_refused(position: str) -> None:
    token = urlsafe_b64encode(f"ListPackages:{position}".encode()).decode()
    with pytest.raises(PageTokenInvalid):
        decode_token("ListPackages", token)


@given(st.text() | st.text("ABCDabcd0189-_=", max_size=64))
def test_anything_else_is_refused_and_never_an_accident(token: str) -> None:
    if not token:
        assert decode_token("ListPackages", token) is None
        return
    with pytest.raises(PageTokenInvalid):
        decode_token("ListPackages", token)


def test_no_size_is_the_default() -> None:
    assert page_size(0) == DEFAULT_PAGE_SIZE
    assert page_size(7) == 7


@pytest.mark.parametrize("more", [False, True])
def test_a_page_that_fits_is_whole(more: bool) -> None:
    entries = [Delivery(delivery_id=number) for number in (3, 5, 7)]
    kept, token = fit("ListDeliveries", entries, [3, 5, 7], more=more)
    assert kept == entries
    assert decode_token("ListDeliveries", token) == (7 if more else None)
    assert fit("ListDeliveries", [], [], more=False) == ([], "")


@given(st.lists(st.integers(0, 900), min_size=1, max_size=12))
def test_pages_of_large_entries_fit_into_a_message_and_leave_nothing_out(kibibytes: list[int]) -> None:
    entries = [Delivery(package_id="x" * (size << 10)) for size in kibibytes]
    start: int | None = 0
    pages = 0
    while start is not None:
        rest = list(range(start, len(entries)))
        kept, token = fit("ListDeliveries", entries[start:], rest, more=False)
        assert kept == entries[start : start + len(kept)]
        assert len(kept) >= 1
        assert ListDeliveriesResponse(deliveries=kept, next_page_token=token).ByteSize() < GRPC_DEFAULT_BYTES
        last = decode_token("ListDeliveries", token)
        start, pages = (None if last is None else last + 1), pages + 1
    assert pages <= sum(kibibytes) // 2048 + 1


@pytest.mark.parametrize(("kibibytes", "whole"), [(1, 20), (512, 5), (1024, 2)])
def test_the_answer_for_twenty_receivers_fits_into_a_message(kibibytes: int, whole: int) -> None:
    envelope = SignedEnvelope(envelope=b"e" * (kibibytes << 10))
    packages = [Package(package_id=f"p-{number:02}", envelope=envelope) for number in range(20)]
    answer = SubmitResponse(packages=fit_packages(packages))
    assert answer.ByteSize() < GRPC_DEFAULT_BYTES
    assert [package.package_id for package in answer.packages] == [f"p-{number:02}" for number in range(20)]
    assert [package.HasField("envelope") for package in answer.packages] == [True] * whole + [False] * (
        20 - whole
    )
