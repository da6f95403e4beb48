"""A node that stops in the middle of calls is told by the SDK as an error; gRPC itself writes nothing to a terminal."""

from __future__ import annotations

import os
import subprocess
import sys

SCRIPT = """
import asyncio, xietong_client, grpc

async def ticking(request, context):
    while True:
        yield b"."
        await asyncio.sleep(0.001)

async def call(channel, begun):
    try:
        async for _ in channel.unary_stream("/node/Watch")(b""):
            begun.set()
    except grpc.aio.AioRpcError as error:
        print(error.code().name)

async def round():
    server, begun = grpc.aio.server(), [asyncio.Event() for _ in range(3)]
    handlers = {"Watch": grpc.unary_stream_rpc_method_handler(ticking)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("node", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        calls = [asyncio.create_task(call(channel, each)) for each in begun]
        await asyncio.gather(*(each.wait() for each in begun))
        await server.stop(None)
        await asyncio.gather(*calls)

async def main():
    for _ in range(10):  # in every other round gRPC would write a line
        await round()

asyncio.run(main())
"""


def test_grpc_writes_nothing_when_a_node_stops() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "GRPC_VERBOSITY"}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, env=environment)
    assert set(done.stdout.split()) == {"UNAVAILABLE"}
    assert "goaway" not in done.stderr
