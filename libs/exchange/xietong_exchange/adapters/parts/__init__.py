"""Stores for the bytes of parts: on a local file system."""

from xietong_exchange.adapters.parts.local import LocalPartStore

__all__ = ["LocalPartStore"]
