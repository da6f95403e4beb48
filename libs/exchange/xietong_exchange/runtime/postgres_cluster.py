"""One cluster of the embedded PostgreSQL: its command lines, and what can be seen of it from outside."""

import os
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from xietong_exchange.runtime.file_lock import FileLock
from xietong_exchange.runtime.postgres_placement import PORT, Account, EmbeddedPostgresError, wheel_version

ROLE = "xietong"
LOG_LIMIT_BYTES = 1 << 20
LOG_TAIL_BYTES = 2048

# Given on the command line, where no ALTER SYSTEM overrides them.
SETTINGS = {
    "listen_addresses": "",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # small: the demo runs five of them on one machine
    "shared_buffers": "32MB",
    "huge_pages": "off",
    "max_connections": "100",
    "max_wal_size": "128MB",
    "min_wal_size": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_worker_processes": "2",
    "max_logical_replication_workers": "0",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # The service sees each failed statement itself; here it could quote personal data and fill the disk.
    "log_min_messages": "log",
    "log_checkpoints": "off",
}

# Not subprocess's own user=: with it subprocess forks and so runs gRPC's fork handlers; else it uses vfork.
DROP_PRIVILEGES = (
    "import os, sys; uid, gid = map(int, sys.argv[1:3]); "
    "os.setgroups([]); os.setgid(gid); os.setuid(uid); os.execv(sys.argv[3], sys.argv[3:])"
)


@dataclass(frozen=True)
class Postmaster:
    """A server as its postmaster.pid describes it, line by line as pg_ctl reads it."""

    pid: int
    socket: str
    is_ready: bool

    @classmethod
    def read(cls, data_dir: Path) -> Self | None:
        """Return None if no server wrote the file; a server that starts has not written all of it."""
        with suppress(FileNotFoundError, ValueError):
            lines = (data_dir / "postmaster.pid").read_text().splitlines()
            pid, _, _, port, socket_dir, _, _, status, *_ = lines + [""] * 8
            return cls(int(pid), f"{socket_dir}/.s.PGSQL.{port}", status.strip() == "ready")
        return None


@dataclass(frozen=True)
class Cluster:
    """Where a cluster lies and with what it is run."""

    state_dir: Path
    data_dir: Path
    socket_dir: Path
    bin_dir: Path
    account: Account | None
    name: str

    @property
    def url(self) -> str:
        """For SQLAlchemy with asyncpg; the paths are such that nothing in it needs escaping."""
        return f"postgresql+asyncpg://{ROLE}@/postgres?host={self.socket_dir}&port={PORT}"

    @property
    def running_file(self) -> Path:
        """Each process that works on the cluster holds the lock on this file."""
        return self.state_dir / "postgres.running"

    @property
    def log_file(self) -> Path:
        """What the server and initdb print."""
        return self.state_dir / "postgres.log"

    def server_command(self) -> list[str]:
        """Return the command line of the server."""
        settings = SETTINGS | {"cluster_name": self.name, "unix_socket_directories": str(self.socket_dir)}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [str(self.bin_dir / "postgres"), "-D", str(self.data_dir), *options]

    def initdb_command(self, folder: Path) -> list[str]:
        """Return the command line that makes a cluster in `folder`, synced to disk."""
        text = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        # Who may open the socket is decided by its folder, which belongs to the server's account alone.
        access = (f"--username={ROLE}", "--auth-local=trust", "--auth-host=reject")
        return [str(self.bin_dir / "initdb"), f"--pgdata={folder}", "--no-instructions", *text, *access]

    def description(self) -> str:
        """Return all that decides whether a server that still runs is the one that we would start."""
        return "\n".join((wheel_version(), *self.server_command()))

    def exists(self) -> bool:
        """Return whether there is a complete cluster."""
        return (self.data_dir / "PG_VERSION").exists()

    def is_idle(self) -> bool:
        """Return whether no server process, and no initdb, is alive."""
        try:
            with FileLock(self.running_file) as lock:
                return lock.try_acquire()
        except FileNotFoundError:
            # Somebody removed the state folder; a server notices that within a minute, and ends.
            return True

    def is_ready(self) -> bool:
        """Return whether a server accepts connections: it says so, and its socket answers."""
        postmaster = Postmaster.read(self.data_dir)
        if postmaster is None or not postmaster.is_ready:
            return False
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.connect(postmaster.socket)
            return True
        return False

    def remove_stale_pids(self) -> None:
        """For an idle cluster: PostgreSQL heeds them where another process, or a zombie, has the pid now."""
        for stale in (self.data_dir / "postmaster.pid", self.socket_dir / f".s.PGSQL.{PORT}.lock"):
            stale.unlink(missing_ok=True)

    def spawn(self, command: list[str], running: FileLock) -> subprocess.Popen[bytes]:
        """Run in a session of its own (Ctrl-C is the service's to handle), without our environment."""
        if self.account:
            identity = [str(self.account.uid), str(self.account.gid)]
            command = [sys.executable, "-I", "-S", "-c", DROP_PRIVILEGES, *identity, *command]
        with self.log_file.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",  # ours may be closed to the account
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                pass_fds=(running.descriptor,),
                start_new_session=True,
            )

    def rotate_log(self) -> None:
        """Keep one earlier log, for whoever asks why the last server ended."""
        with suppress(FileNotFoundError):
            if self.log_file.stat().st_size > LOG_LIMIT_BYTES:
                self.log_file.replace(self.log_file.with_name("postgres.log.1"))

    def failure(self, chinese: str, english: str) -> EmbeddedPostgresError:
        """Return the error that shows the end of the log."""
        tail = b""
        with suppress(FileNotFoundError), self.log_file.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            tail = log.read()
        return EmbeddedPostgresError(
            f"{chinese}（日志：{self.log_file}）。请按日志末尾的提示处理，或改用外部数据库 URL。",
            f"{english} (log: {self.log_file}). Mend what its end says, or give the URL of another database.",
            tail.decode(errors="replace"),
        )
