"""Pages that follow something: server-sent events, one when something changed, bounded in number."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from xietong_console.web.console import Console, console_of
from xietong_console.web.security import session_of

ROUND_SECONDS = 1.0
_SILENT_ROUNDS = 15
"""After so many rounds without a change something is said all the same: whoever is in between ends silent streams."""


@dataclass(frozen=True, slots=True)
class Look:
    """What there is to see now; `is_last`: it will not change any more."""

    content: object
    is_last: bool = False


def live(request: Request, look: Callable[[], Awaitable[Look]]) -> Response:
    """A stream of what there is to see, as JSON, whenever it changed."""
    console = console_of(request)
    if console.live_streams >= console.settings.live_streams:
        return Response(status_code=503, headers={"Retry-After": "10"})
    return StreamingResponse(_events(request, console, look), media_type="text/event-stream")


async def _events(
    request: Request, console: Console, look: Callable[[], Awaitable[Look]]
) -> AsyncIterator[str]:
    console.live_streams += 1
    try:
        last, silent, end = "", 0, "out"
        # Following keeps no session alive: whoever left the screen is logged out in time.
        while session_of(request, touch=False) is not None:
            seen = await look()
            content = json.dumps(seen.content, ensure_ascii=False)
            silent += 1
            if content != last:
                last, silent = content, 0
                yield f"data: {content}\n\n"
            elif silent >= _SILENT_ROUNDS:
                silent = 0
                yield ": still here\n\n"
            if seen.is_last:
                end = "over"
                break
            await asyncio.sleep(ROUND_SECONDS)
        yield f"event: end\ndata: {end}\n\n"
    finally:
        console.live_streams -= 1
