"""Accounts: kept as hashes in a file that only its owner reads, seen at once when the command changes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xietong_console.accounts import NOBODY, Account, AccountError, Accounts

PASSWORD = "a long password"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "accounts.json"


def test_the_right_password_and_no_other(file: Path) -> None:
    Accounts(file).put(Account.make("ann", "operator", PASSWORD))
    found = Accounts(file).get("ann")
    assert found is not None
    assert found.accepts(PASSWORD)
    assert not found.accepts(PASSWORD + " ")
    assert not found.accepts("")
    assert PASSWORD not in file.read_text()


def test_two_equal_passwords_do_not_look_equal() -> None:
    hashes = {Account.make(name, "viewer", PASSWORD).hash for name in ("ann", "bob")}
    assert len(hashes) == 2


def test_nobody_is_let_in_by_anything() -> None:
    assert not any(NOBODY.accepts(password) for password in ("", "x", PASSWORD))


def test_only_its_owner_reads_the_file(file: Path) -> None:
    Accounts(file).put(Account.make("ann", "operator", PASSWORD))
    assert file.stat().st_mode & 0o077 == 0


def test_a_running_console_sees_what_the_command_changes(file: Path) -> None:
    console, command = Accounts(file), Accounts(file)
    assert console.all() == []
    command.put(Account.make("ann", "operator", PASSWORD))
    command.put(Account.make("bob", "viewer", PASSWORD))
    assert [account.name for account in console.all()] == ["ann", "bob"]
    command.remove("ann")
    assert console.get("ann") is None
    with pytest.raises(AccountError, match="no such account"):
        command.remove("ann")


def test_one_login_is_used_up_by_whoever_comes_first(file: Path) -> None:
    accounts = Accounts(file)
    once = Account.make("ann", "operator", PASSWORD, once=True)
    accounts.put(once)
    assert [accounts.use_up(once), accounts.use_up(once)] == [True, False]
    left = accounts.get("ann")
    assert left is not None
    assert not left.accepts(PASSWORD)


@pytest.mark.parametrize("name", ["", "a", "Ann", "ann smith", "../ann", "安", "x" * 41, "-ann"])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(AccountError, match="2 to 40"):
        Account.make(name, "viewer", PASSWORD)


@pytest.mark.parametrize("password", ["", "short", "x" * 201])
def test_passwords_are_neither_short_nor_endless(password: str) -> None:
    with pytest.raises(AccountError, match="characters"):
        Account.make("ann", "viewer", password)


@pytest.mark.parametrize(
    "content", ["", "{", "{}", '[{"name": "ann"}]', json.dumps([{"role": "root"}]), "[1]", "\x00"]
)
def test_a_damaged_file_is_told_and_left(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(AccountError, match="not readable"):
        Accounts(file).put(Account.make("ann", "viewer", PASSWORD))
    assert file.read_text() == content
