"""How PostgreSQL means to run each statement of a store, told before it runs."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
from tests.integration.store.watched import WatchedConnection


class Plans:
    """The nodes of each statement's plan, by its SQL."""

    def __init__(self) -> None:
        self.seen: dict[str, list[dict[str, Any]]] = {}

    def scans_of_whole_tables(self) -> list[str]:
        return [
            statement
            for statement, found in self.seen.items()
            if any(node["Node Type"] == "Seq Scan" for node in found)
        ]


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for part in plan.get("Plans", []) for node in nodes(part))]


def explaining(plans: Plans) -> type[WatchedConnection]:
    """Connections that note in `plans` what each statement is going to do."""

    class Explaining(WatchedConnection):
        async def before(self, sql: str, values: tuple[Any, ...]) -> None:
            if sql.startswith(("SELECT", "UPDATE", "DELETE", "INSERT", "WITH")):
                [[answer]] = await asyncpg.Connection.fetch(self, f"EXPLAIN (FORMAT JSON) {sql}", *values)
                plans.seen[sql] = list(nodes(json.loads(answer)[0]["Plan"]))

    return Explaining
