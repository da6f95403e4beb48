"""Pages that fit into a message, and their tokens: opaque to the caller, a position and the call that gave it."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import TypeVar

from google.protobuf.message import Message

from xietong.exchange.v1.package_pb2 import Package
from xietong_exchange.domain.errors import PageTokenInvalid
from xietong_exchange.flow.deadlines import Place

DEFAULT_PAGE_SIZE = 50
MESSAGE_BYTES = 3 << 20
"""Most bytes of entries in one answer: a gRPC client that nobody configured reads messages up to 4 MiB."""
_POSITIONS = range(1 << 63)  # what the database counts with
_EPOCH, _MICROSECOND = datetime(1, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_EntryT = TypeVar("_EntryT", bound=Message)


def page_size(asked: int) -> int:
    """The size that the caller asked for, or the default for 0."""
    return asked or DEFAULT_PAGE_SIZE


def encode_token(call: str, position: int) -> str:
    """A token for the page after this position of this call's list."""
    return _encode(call, position)


def fit(
    call: str, entries: Sequence[_EntryT], positions: Sequence[int], *, more: bool
) -> tuple[Sequence[_EntryT], str]:
    """As many entries of a page as one message takes, at least the first, and the token of the page after them.

    Args:
        call: whose list it is.
        entries: the page.
        positions: where each entry stands in the list.
        more: whether the list goes on after the page.
    """
    ends = accumulate(entry.ByteSize() for entry in entries)
    kept = max(1, sum(end <= MESSAGE_BYTES for end in ends))
    more = more or kept < len(entries)
    return entries[:kept], encode_token(call, positions[kept - 1]) if more else ""


def fit_packages(packages: Sequence[Package]) -> Sequence[Package]:
    """All packages of one answer, without the envelopes for which the message has no room."""
    ends = accumulate(package.ByteSize() for package in packages)
    for package, end in zip(packages, ends, strict=True):
        if end > MESSAGE_BYTES:
            package.ClearField("envelope")
    return packages


def decode_token(call: str, token: str) -> int | None:
    """The position in a token of this call; None for the first page. Raises PageTokenInvalid."""
    numbers = _decode(call, token, 1)
    return numbers[0] if numbers else None


def encode_place(call: str, place: Place) -> str:
    """A token for the page after this place of a list that goes by time."""
    return _encode(call, (place[0] - _EPOCH) // _MICROSECOND, place[1])


def decode_place(call: str, token: str) -> Place | None:
    """The place in a token of this call; None for the first page. Raises PageTokenInvalid."""
    numbers = _decode(call, token, 2)
    if not numbers:
        return None
    try:
        return _EPOCH + numbers[0] * _MICROSECOND, numbers[1]
    except OverflowError:
        raise PageTokenInvalid from None


def _encode(call: str, *numbers: int) -> str:
    return urlsafe_b64encode(f"{call}:{'.'.join(map(str, numbers))}".encode()).decode().rstrip("=")


def _decode(call: str, token: str, count: int) -> Sequence[int]:
    if not token:
        return ()
    try:
        name, _, told = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().partition(":")
        numbers = [int(number) for number in told.split(".")]
    except (Base64Error, UnicodeDecodeError, ValueError):
        raise PageTokenInvalid from None
    if name != call or len(numbers) != count or any(number not in _POSITIONS for number in numbers):
        raise PageTokenInvalid
    return numbers
