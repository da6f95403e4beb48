"""Page tokens: opaque to the caller, a position and the call that gave it to the node."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

from xietong_exchange.domain.errors import PageTokenInvalid

DEFAULT_PAGE_SIZE = 50
_POSITIONS = range(1 << 63)  # what the database counts with


def page_size(asked: int) -> int:
    """The size that the caller asked for, or the default for 0."""
    return asked or DEFAULT_PAGE_SIZE


def encode_token(call: str, position: int) -> str:
    """A token for the page after this position of this call's list."""
    return urlsafe_b64encode(f"{call}:{position}".encode()).decode().rstrip("=")


def decode_token(call: str, token: str) -> int | None:
    """The position in a token of this call; None for the first page. Raises PageTokenInvalid."""
    if not token:
        return None
    try:
        name, _, position = urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().partition(":")
        number = int(position)
    except (Base64Error, UnicodeDecodeError, ValueError):
        raise PageTokenInvalid from None
    if name != call or number not in _POSITIONS:
        raise PageTokenInvalid
    return number
