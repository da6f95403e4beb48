"""What a form asks for: done, and then on to where it shows; or refused, and back to the form with what was typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from xietong_client import XietongClientError
from xietong_console.refusals import Fields, Refusal
from xietong_console.web.console import console_of
from xietong_console.web.security import logged_in

_SEE_OTHER = 303
DoneT = TypeVar("DoneT")


async def carry_out(
    request: Request,
    form: Fields,
    act: Callable[[], Awaitable[DoneT]],
    *,
    back: str,
    onward: Callable[[DoneT], str] | None = None,
) -> Response:
    """Does what the form asks.

    Args:
        request: with which the form came.
        form: its fields.
        act: the call of the node.
        back: the page that has the form.
        onward: the page that shows what was done; the same one when not given.
    """
    refusals, session = console_of(request).refusals, logged_in(request).csrf
    try:
        done = await act()
    except XietongClientError as failure:
        refusals.put(session, Refusal(request.url.path, back, form, failure))
        return RedirectResponse(back, _SEE_OTHER)
    refusals.drop(session)
    return RedirectResponse(back if onward is None else onward(done), _SEE_OTHER)
