"""An endpoint of notices that keeps what it is told."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from xietong_exchange.supervision.notices import NotTold


@dataclass
class Mailbox:
    """An endpoint that takes everything, unless it is dead."""

    is_dead: bool = False
    tries: int = 0
    taken: list[dict[str, Any]] = field(default_factory=list)

    async def post(self, body: bytes) -> None:
        self.tries += 1
        if self.is_dead:
            raise NotTold("HTTP status 503")
        self.taken.append(json.loads(body))

    def what(self) -> list[str]:
        return [event["type"].split(".")[-2] for event in self.taken]
