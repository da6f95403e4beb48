"""The console's one node: a channel with the operator's certificate, and answers that may be failures.

A page asks several things; what the node does not answer is shown as that, and the rest of the page still works.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, ParamSpec, TypeVar

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_client import Credentials, Operations, XietongClientError
from xietong_client.channel import open_channel
from xietong_client.labels import party_name
from xietong_client.standard_changes import StandardChanges
from xietong_console.settings import Settings

ValueT = TypeVar("ValueT")
AskedT = ParamSpec("AskedT")


@dataclass(frozen=True, slots=True)
class Answer(Generic[ValueT]):
    """What the node said, or why it did not."""

    value: ValueT | None = None
    failure: XietongClientError | None = None


async def answer_of(
    ask: Callable[AskedT, Awaitable[ValueT]], *args: AskedT.args, **more: AskedT.kwargs
) -> Answer[ValueT]:
    """Asks, and waits for the answer; a failure of the call is one too.

    It takes the call and not what it returns: of several asked at once none is begun when the browser has left.
    """
    try:
        return Answer(value=await ask(*args, **more))
    except XietongClientError as error:
        return Answer(failure=error)


def failures_of(*answers: Answer[Any] | None) -> list[XietongClientError]:
    """What went wrong, each reason once: a node that does not answer fails at everything."""
    failures = [answer.failure for answer in answers if answer is not None and answer.failure is not None]
    return list({failure.reason: failure for failure in failures}.values())


class NodeLink:
    """The connection to the node for the life of the console; gRPC opens it anew whenever it breaks."""

    def __init__(self, settings: Settings) -> None:
        credentials = Credentials.from_folder(settings.credentials, operator=True)
        credentials.check_validity()
        self.address = settings.node
        self.party = credentials.party
        """The party whose node it is: an operator calls the node of his own party."""
        self.certificate_end = credentials.not_after
        self._channel = open_channel(settings.node, credentials)
        self.operations = Operations(self._channel, deadline_seconds=settings.answer_seconds)
        self.flows = self.operations.flows
        self.clocks = self.operations.clocks
        self.incidents = self.operations.incidents
        self.problems = self.operations.problems
        self.directory = self.operations.directory
        self.maintenance = self.operations.maintenance
        self.changes = (
            StandardChanges(self._channel, deadline_seconds=settings.answer_seconds)
            if self.party == party_name(Party.PARTY_HUB)
            else None
        )
        """The books of the data standard, which only the hub keeps."""

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()
