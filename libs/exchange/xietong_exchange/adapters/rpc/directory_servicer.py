"""`DirectoryService`: operators see and keep whom to call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc

from xietong.supervision.v1 import directory_service_pb2 as pb
from xietong.supervision.v1.directory_service_pb2_grpc import DirectoryServiceServicer
from xietong_exchange.adapters.rpc.caller import caller
from xietong_exchange.supervision.directory import Directory, whom_to_call

_Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class DirectoryServicer(DirectoryServiceServicer):
    """The rpcs of `DirectoryService`."""

    directory: Directory

    async def ListContacts(
        self, request: pb.ListContactsRequest, context: _Context
    ) -> pb.ListContactsResponse:
        """The directory."""
        return pb.ListContactsResponse(contacts=await self.directory.contacts())

    async def PutContact(self, request: pb.PutContactRequest, context: _Context) -> pb.PutContactResponse:
        """Add or replace a contact."""
        await self.directory.put(request.contact, caller.get())
        return pb.PutContactResponse()

    async def RemoveContact(
        self, request: pb.RemoveContactRequest, context: _Context
    ) -> pb.RemoveContactResponse:
        """Remove a contact."""
        await self.directory.remove(request.contact, caller.get())
        return pb.RemoveContactResponse()

    async def WhomToCall(self, request: pb.WhomToCallRequest, context: _Context) -> pb.WhomToCallResponse:
        """Whom to call about a system."""
        contacts = await self.directory.contacts()
        found = whom_to_call(contacts, request.party, request.system, escalated=request.escalated)
        return pb.WhomToCallResponse(contacts=found)
