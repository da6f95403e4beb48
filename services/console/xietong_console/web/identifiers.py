"""Identifiers in addresses: what is none leads to no page, and to no call."""

from __future__ import annotations

import re

from starlette.exceptions import HTTPException

_IDENTIFIER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def require_identifier(text: str) -> None:
    """Raises HTTPException (404) for anything but a UUID."""
    if not _IDENTIFIER.fullmatch(text):
        raise HTTPException(404)
