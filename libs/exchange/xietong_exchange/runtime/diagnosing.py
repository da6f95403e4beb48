"""What the diagnostics bundle of a node is made of: versions, settings without words, gauges, and the recent log."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from xietong_exchange.adapters.postgres.migrate import newest_revision
from xietong_exchange.flow.node_card import SOFTWARE_VERSION
from xietong_exchange.flow.operations import Operations
from xietong_exchange.runtime.engine import Engine
from xietong_exchange.runtime.measuring import readers
from xietong_exchange.runtime.settings import Settings
from xietong_exchange.supervision.diagnostics import Diagnostics

_LIBRARIES = ("grpcio", "protobuf", "sqlalchemy", "asyncpg", "cryptography", "opentelemetry-sdk", "pydantic")


def diagnostics(engine: Engine, operations: Operations) -> Diagnostics:
    """The bundle of this node."""
    return Diagnostics(
        operations=operations,
        versions=_versions(),
        settings=told(engine.settings),
        gauges=readers(engine),
        recent_log=engine.recent_log.lines,
    )


def _versions() -> dict[str, str]:
    installed = {name: metadata.version(name) for name in _LIBRARIES}
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return {
        "xietong": SOFTWARE_VERSION,
        "newest_schema": newest_revision(),
        "python": platform.python_version(),
        "system": system,
        **installed,
    }


def told(settings: Settings) -> Mapping[str, Any]:
    """The settings without words: numbers and switches as they are, of everything else whether it is set.

    Addresses, URLs, paths, passwords and contacts are words, and so is every setting that is still to come.
    """
    return {name: _told(value) for name, value in settings.model_dump(mode="json").items()}


def _told(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _told(each) for name, each in value.items()}
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Sequence) and not isinstance(value, str):
        return {"count": len(value)}
    return "set" if value else ""
