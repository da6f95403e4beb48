"""What stands before a node and fails or holds up single calls, as a node does of which a part is out of order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import grpc
from tests.integration.exchange.city import City, free_port

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.domain.party import party_name


@dataclass
class Obstacle(grpc.GenericRpcHandler):
    """Passes on each call as it is, but for those that are out of order."""

    address: str
    node: grpc.aio.Channel
    asked: set[str] = field(default_factory=set)
    """Methods that were called since it was emptied."""
    failing: str = ""
    """The method that fails at once."""
    holds: bool = False
    """Whether nothing is answered at all."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(
            partial(self._pass_on, handler_call_details.method)
        )
        return handler

    async def _pass_on(
        self, method: str, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]
    ) -> bytes:
        self.asked.add(method)
        if self.holds:
            await asyncio.Event().wait()  # until the caller has no more patience
        if method == self.failing:
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "out of order")
        try:
            call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self.node.unary_unary(method)
            return await call(request)
        except grpc.aio.AioRpcError as error:
            context.set_trailing_metadata(tuple(error.trailing_metadata()))
            await context.abort(error.code(), error.details() or "")
            raise


@asynccontextmanager
async def obstacle_before(city: City, party: Party.ValueType) -> AsyncIterator[Obstacle]:
    """Stands before the node of a party, with that node's own certificate."""
    folder = city.pki_folder / party_name(party)
    key, certificate = ((folder / name).read_bytes() for name in ("exchange-key.pem", "exchange.pem"))
    server = grpc.aio.server()
    address = f"127.0.0.1:{free_port()}"
    obstacle = Obstacle(address, await city.channel(party, "operator"))
    server.add_generic_rpc_handlers((obstacle,))
    server.add_secure_port(address, grpc.ssl_server_credentials([(key, certificate)]))
    await server.start()
    try:
        yield obstacle
    finally:
        await server.stop(None)
