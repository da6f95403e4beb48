"""Local accounts in a file: names, roles and password hashes. The command writes it, the console looks again when it
changed.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

Role = Literal["operator", "viewer"]
"""An operator may act, a viewer (supervisor) looks."""

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
# RFC 7914 with 16 MiB and about 50 ms per try.
_COST, _BLOCK, _PARALLEL = 1 << 14, 8, 1


class AccountError(Exception):
    """Something about the accounts is not as it should be; the text says what, and how to mend it."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may log in. The hash of a `once` account is emptied by its first login."""

    name: str
    role: Role
    salt: str
    hash: str
    once: bool = False

    @classmethod
    def make(cls, name: str, role: Role, password: str, *, once: bool = False) -> Account:
        """An account with this password. Raises AccountError."""
        if not _NAME.fullmatch(name):
            raise AccountError(
                f"{name}: 2 to 40 of a-z 0-9 . _ - / 账号名须为 2 至 40 位小写字母、数字或 . _ -"
            )
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise AccountError(
                f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters / 密码长度不符"
            )
        salt = secrets.token_hex(16)
        return cls(name, role, salt, _hash(password, salt), once)

    def accepts(self, password: str) -> bool:
        """Whether this is the password. Takes its time: call it in a thread."""
        given = _hash(password[:LONGEST_PASSWORD], self.salt)
        return bool(self.hash) and hmac.compare_digest(given, self.hash)


_ACCOUNTS = TypeAdapter(list[Account])
NOBODY = Account("", "viewer", secrets.token_hex(16), "")
"""Accepts nothing, in the time that others take: unknown names look like wrong passwords."""


def _hash(password: str, salt: str) -> str:
    raw = bytes.fromhex(salt)
    return hashlib.scrypt(password.encode(), salt=raw, n=_COST, r=_BLOCK, p=_PARALLEL).hex()


class Accounts:
    """The accounts in one file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_at: tuple[int, int] | None = None
        self._known: dict[str, Account] = {}

    def all(self) -> list[Account]:
        """By name. Raises AccountError when the file is damaged."""
        self._refresh()
        return [self._known[name] for name in sorted(self._known)]

    def get(self, name: str) -> Account | None:
        """The account with this name, None when there is none. Raises AccountError."""
        self._refresh()
        return self._known.get(name)

    def put(self, account: Account) -> None:
        """Add, or replace the one of this name. Raises AccountError."""
        with self._changing() as known:
            known[account.name] = account

    def remove(self, name: str) -> None:
        """Remove; its sessions end too. Raises AccountError when there is none."""
        with self._changing() as known:
            if known.pop(name, None) is None:
                raise AccountError(f"{name}: no such account / 没有这个账号")

    def use_up(self, account: Account) -> bool:
        """Take the only login of a `once` account; False when somebody else has taken it."""
        with self._changing() as known:
            if known.get(account.name) != account or not account.hash:
                return False
            known[account.name] = replace(account, hash="")
        return True

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Account]]:
        """What is in the file, for this process alone; written in whole when the block ends well."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._refresh()
            known = dict(self._known)
            yield known
            fresh = self._file.with_suffix(".new")
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as output:  # noqa: PTH123 - of a descriptor, for its mode
                json.dump([asdict(known[name]) for name in sorted(known)], output, indent=2)
                output.write("\n")
            fresh.replace(self._file)

    def _refresh(self) -> None:
        try:
            found = self._file.stat()
        except FileNotFoundError:
            self._read_at, self._known = None, {}
            return
        read_at = (found.st_mtime_ns, found.st_ino)
        if read_at != self._read_at:
            self._known = {account.name: account for account in _parsed(self._file)}
            self._read_at = read_at


def _parsed(file: Path) -> list[Account]:
    try:
        return _ACCOUNTS.validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise AccountError(
            f"{file}: not readable ({error}); move it away and add the accounts again"
            " / 账号文件已损坏，请移走后重新添加账号"
        ) from error
