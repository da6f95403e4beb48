"""Whom to call, for the operators of a node: the directory, and changing it."""

from __future__ import annotations

import grpc

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.directory_service_pb2 import (
    Contact,
    ListContactsRequest,
    PutContactRequest,
    RemoveContactRequest,
    WhomToCallRequest,
)
from xietong.supervision.v1.directory_service_pb2_grpc import DirectoryServiceStub
from xietong_client.rpc import CALL_DEADLINE_SECONDS, call


class Directory:
    """The directory of the node behind a channel. All calls raise XietongClientError."""

    def __init__(self, channel: grpc.aio.Channel, *, deadline_seconds: float = CALL_DEADLINE_SECONDS) -> None:
        self._stub = DirectoryServiceStub(channel)
        self._deadline_seconds = deadline_seconds

    async def contacts(self) -> list[Contact]:
        """All contacts."""
        request = ListContactsRequest()
        answer = await call(self._stub.ListContacts, request, deadline_seconds=self._deadline_seconds)
        return list(answer.contacts)

    async def put(self, contact: Contact) -> None:
        """Adds a contact, or replaces the one of the same party, system, vendor and level."""
        request = PutContactRequest(contact=contact)
        await call(self._stub.PutContact, request, deadline_seconds=self._deadline_seconds)

    async def remove(self, contact: Contact) -> None:
        """Removes a contact; one that is gone stays gone."""
        request = RemoveContactRequest(contact=contact)
        await call(self._stub.RemoveContact, request, deadline_seconds=self._deadline_seconds)

    async def whom_to_call(
        self, party: Party.ValueType, system: str = "", *, escalated: bool = False
    ) -> list[Contact]:
        """The contacts for a system, the first one to call first; `exchange` is the node, empty any system."""
        request = WhomToCallRequest(party=party, system=system, escalated=escalated)
        answer = await call(self._stub.WhomToCall, request, deadline_seconds=self._deadline_seconds)
        return list(answer.contacts)
