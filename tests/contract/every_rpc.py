"""What is needed to call every rpc of the contract: its descriptors, a running city, and a register of scripts."""

from __future__ import annotations

import importlib
import pkgutil
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from tests.integration.exchange.city import (
    Agency,
    draft_key,
    manifest_for,
)
from tests.integration.exchange.hostile_neighbour import Forged, HostileNode
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    PROCESS,
    CityUnderAttack,
    case_number,
)

import xietong
from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.draft_pb2 import (
    DraftKey,
)
from xietong.exchange.v1.envelope_pb2 import Party


def rpcs() -> dict[str, MethodDescriptor]:
    """Every rpc of the contract's generated modules, as `package.Service/Rpc`."""
    found: dict[str, MethodDescriptor] = {}
    for module in pkgutil.walk_packages(xietong.__path__, "xietong."):
        if module.name.endswith("_pb2"):
            services = importlib.import_module(module.name).DESCRIPTOR.services_by_name.values()
            found |= {f"{one.full_name}/{method.name}": method for one in services for method in one.methods}
    return found


RPCS = rpcs()


@dataclass(frozen=True)
class World:
    """A running city with a contact in the hub's directory, a delivered package, and a court that calls the hub."""

    city: CityUnderAttack
    police: Agency
    procuratorate: Agency
    court: HostileNode
    delivered: package_pb2.Package

    async def draft(self) -> DraftKey:
        """An open draft that may be sent."""
        key = draft_key(PROCESS, case_number())
        await self.police.contribute(key, manifest_for(PROCESS, {}), {})
        await self.police.open(key, Party.PARTY_PROCURATORATE)
        return key

    async def sent(self) -> package_pb2.Package:
        """A package that waits for its outcome."""
        sent = await self.police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
        return await self.police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)

    async def brought(self) -> Forged:
        """A package of the court that the hub holds."""
        package = self.court.forge(uuid.uuid4().bytes)
        assert (await self.court.bring(package)).HasField("acceptance")
        return package


@dataclass
class Rpc:
    """One rpc, called as its descriptor says, whatever a generated stub would do."""

    method: MethodDescriptor
    channel: grpc.aio.Channel
    answered: bool = False

    async def __call__(self, *requests: Message, enough: int | None = None) -> list[Any]:
        """The answers: all of them, or the first ones when they are enough."""
        assert all(request.DESCRIPTOR is self.method.input_type for request in requests)
        service = self.method.containing_service.full_name
        rpc: grpc.aio.StreamStreamMultiCallable[Message, Message] = self.channel.stream_stream(
            f"/{service}/{self.method.name}",  # on the wire all kinds of rpcs look alike
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(self.method.output_type).FromString,
        )
        answers: list[Message] = []
        call = rpc(iter(requests), timeout=BOUND_SECONDS)
        async for answer in call:
            answers.append(answer)
            if len(answers) == enough:
                call.cancel()
                break
        self.answered = bool(answers)
        return answers


Script = Callable[[Rpc, World], Awaitable[None]]
Caller = tuple[Party.ValueType, str, str]
SYSTEM: Caller = (Party.PARTY_POLICE, "system-case-handling", "police")
PROSECUTION: Caller = (Party.PARTY_PROCURATORATE, "system-prosecution", "procuratorate")
POLICE_OPERATOR: Caller = (Party.PARTY_POLICE, "operator", "police")
OPERATOR: Caller = (Party.PARTY_HUB, "operator", "hub")
COURT: Caller = (Party.PARTY_HUB, "exchange", "court")


class Scripts(dict[str, tuple[Caller, Script]]):
    """Scripts by rpc: each calls its rpc as its caller and looks at the answer."""

    def calls(self, service: str, name: str, caller: Caller) -> Callable[[Script], Script]:
        """Registers the script for this rpc."""

        def register(script: Script) -> Script:
            self[f"xietong.{service}/{name}"] = (caller, script)
            return script

        return register


GATEWAY, TRANSFER = "exchange.v1.GatewayService", "exchange.v1.TransferService"
OPERATIONS = "exchange.v1.OperationsService"
CLOCKS = "supervision.v1.ClockService"
FLOW, DIRECTORY = "supervision.v1.FlowService", "supervision.v1.DirectoryService"
INCIDENTS = "supervision.v1.IncidentService"
MAINTENANCE = "supervision.v1.MaintenanceService"
PROBLEMS = "supervision.v1.ProblemService"
STANDARD = "supervision.v1.StandardService"
POLICE_AT_HUB: Caller = (Party.PARTY_HUB, "operator", "police")
