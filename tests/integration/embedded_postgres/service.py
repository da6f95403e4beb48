"""The smallest service with an embedded PostgreSQL: a process of its own, so that tests can kill it.

Arguments: uid, state folder, reachable folder, name. It starts the database and prints one line of JSON, and
again at each line of its input; when the input ends, it stops the database.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

import grpc

from xietong_exchange.runtime.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from xietong_exchange.runtime.postgres_placement import wheel_version


async def become(uid: int) -> None:
    """Become an ordinary user late: it may be unable to read the modules that Python loads on first use."""
    if uid != os.geteuid():
        await asyncio.to_thread(wheel_version)
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


async def report_start(postgres: EmbeddedPostgres) -> None:
    try:
        answer = {"url": await postgres.start()}
    except EmbeddedPostgresError as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


async def serve(uid: int, state_dir: Path, reachable_dir: Path, name: str) -> None:
    server = grpc.aio.server()  # as in a real service: forking beside its threads is unsafe
    server.add_insecure_port("unix-abstract:" + str(os.getpid()))
    await server.start()
    await become(uid)
    postgres = EmbeddedPostgres(state_dir, name=name, reachable_dir=reachable_dir)
    await report_start(postgres)
    while await asyncio.to_thread(sys.stdin.readline):
        await report_start(postgres)
    await postgres.stop()
    await server.stop(grace=None)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]))
