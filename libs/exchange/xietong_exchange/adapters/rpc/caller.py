"""Who is calling: set by the server interceptor before a handler runs, for the duration of its rpc."""

from __future__ import annotations

from contextvars import ContextVar

from xietong_exchange.domain.identity import Identity

caller: ContextVar[Identity] = ContextVar("caller")
"""The identity of the certificate that made the current rpc. Tasks that a handler starts inherit it."""
