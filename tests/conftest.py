"""A real PostgreSQL for every test that wants one: an embedded cluster per run, and copies of a migrated database."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from xietong_exchange.adapters.postgres import migrate
from xietong_exchange.runtime.embedded_postgres import EmbeddedPostgres

NewDatabase = Callable[[], Awaitable[str]]

TEMPLATE = "migrated"

# Tests measure no time: on a busy machine any example may take longer than any deadline.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@dataclass(frozen=True)
class PostgresServer:
    """The cluster of this run; `url` names its maintenance database."""

    launcher: EmbeddedPostgres
    url: str

    def url_of(self, database: str) -> str:
        return make_url(self.url).set(database=database).render_as_string(hide_password=False)

    async def execute(self, *statements: str) -> None:
        """Run statements that no transaction may hold, such as CREATE DATABASE."""
        engine = create_async_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
        await engine.dispose()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres_server() -> AsyncIterator[PostgresServer]:
    """A cluster with the database `migrated`, in a folder that the server's account reaches when we are root."""
    with tempfile.TemporaryDirectory(prefix="xietong-test-", dir="/tmp") as folder:
        site = Path(folder)
        site.chmod(0o755)
        launcher = EmbeddedPostgres(site / "state", name="xietong-test", reachable_dir=site / "reachable")
        async with launcher as url:
            server = PostgresServer(launcher, url)
            await server.execute(f"CREATE DATABASE {TEMPLATE}")
            await migrate(server.url_of(TEMPLATE))
            yield server


@pytest.fixture
async def new_database(postgres_server: PostgresServer) -> AsyncIterator[NewDatabase]:
    """Makes as many migrated databases as the test asks for; they are gone after it."""
    numbers = itertools.count(1)
    made: list[str] = []

    async def make() -> str:
        name = f"test_{next(numbers)}"
        await postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        made.append(name)
        return postgres_server.url_of(name)

    yield make
    await postgres_server.execute(*(f"DROP DATABASE {name} WITH (FORCE)" for name in made))


@pytest.fixture
async def postgres_url(new_database: NewDatabase) -> str:
    """A fresh, migrated database."""
    return await new_database()
