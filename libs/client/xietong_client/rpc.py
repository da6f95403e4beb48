"""Calls that survive a broken connection: back-off with jitter, errors translated, streams opened again.

Every rpc of the gateway is idempotent by contract, so a call whose answer was lost is simply made again.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TypeVar

import grpc

from xietong_client.errors import XietongClientError
from xietong_client.status import error_from_status, unanswered
from xietong_client.trace import Trace

CALL_DEADLINE_SECONDS = 60.0
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 5.0
_TOLD_FAILURE = 2
_LOG = logging.getLogger(__name__)

RequestT = TypeVar("RequestT")
AnswerT = TypeVar("AnswerT")


class Patience:
    """How long to go on trying, counted from the first failure after the last progress; None is for ever."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._failing_since: float | None = None
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._failures = 0

    def reset(self) -> None:
        """Something moved: the time starts anew with the next failure."""
        self._failing_since = None
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._failures = 0

    async def wait(self, failure: XietongClientError) -> None:
        """Pauses before the next try. Raises `failure` when it is not transient or patience is at an end."""
        if not failure.is_transient:
            raise failure
        now = asyncio.get_running_loop().time()
        self._failing_since = self._failing_since or now
        asked = failure.retry_after.total_seconds() if failure.retry_after is not None else 0.0
        pause = max(asked, self._pause_seconds * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
        if self._seconds is not None and now + pause - self._failing_since > self._seconds:
            raise failure
        self._failures += 1
        # A stream that ends once is usual; who waits is told once that this takes longer.
        level = logging.WARNING if self._failures == _TOLD_FAILURE else logging.INFO
        _LOG.log(level, "%s; next try in %.1f s", failure, pause)
        self._pause_seconds = min(self._pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
        await asyncio.sleep(pause)


def metadata_of(trace: Trace | None) -> tuple[tuple[str, str], ...]:
    """The metadata of a call that belongs to this trace."""
    return trace.metadata if trace is not None else ()


async def call(
    method: grpc.aio.UnaryUnaryMultiCallable[RequestT, AnswerT],
    request: RequestT,
    *,
    trace: Trace | None = None,
    deadline_seconds: float = CALL_DEADLINE_SECONDS,
) -> AnswerT:
    """Makes a unary call, again while the node is unavailable, for `deadline_seconds` in all.

    Raises XietongClientError.
    """
    end = asyncio.get_running_loop().time() + deadline_seconds
    patience = Patience(deadline_seconds)
    while True:
        left = max(end - asyncio.get_running_loop().time(), 0.001)
        try:
            return await method(request, timeout=left, metadata=metadata_of(trace))
        except grpc.aio.AioRpcError as error:
            failure = error_from_status(error)
        await patience.wait(failure)


async def receive(
    method: grpc.aio.UnaryStreamMultiCallable[RequestT, AnswerT],
    request: RequestT,
    *,
    trace: Trace | None = None,
    silence_seconds: float | None = None,
) -> AsyncGenerator[AnswerT, None]:
    """The answers of one stream call, until it ends.

    A stream that is silent for `silence_seconds` counts as broken. Raises XietongClientError.
    """
    stream = method(request, metadata=metadata_of(trace))
    answers = aiter(stream)
    try:
        while True:
            async with asyncio.timeout(silence_seconds):
                answer = await anext(answers, None)
            if answer is None:
                return
            yield answer
    except grpc.aio.AioRpcError as error:
        raise error_from_status(error) from error
    except TimeoutError as error:
        raise unanswered() from error
    finally:
        stream.cancel()


async def follow(
    method: grpc.aio.UnaryStreamMultiCallable[RequestT, AnswerT],
    request: RequestT,
    *,
    patience_seconds: float | None,
) -> AsyncGenerator[AnswerT, None]:
    """The answers of a stream that is opened again whenever it breaks or ends, until the consumer stops.

    Raises XietongClientError for what is not transient, and after `patience_seconds` without an answer.
    """
    patience = Patience(patience_seconds)
    trace = Trace.current()
    while True:
        try:
            async with aclosing(receive(method, request, trace=trace)) as answers:
                async for answer in answers:
                    patience.reset()
                    yield answer
            failure: XietongClientError = unanswered()
        except XietongClientError as error:
            failure = error
        await patience.wait(failure)
