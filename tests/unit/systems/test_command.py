"""The command of a business system: whatever ends it, its user reads one line and a script one exit code."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import NoReturn

import pytest

from xietong_client import SettingsInvalid, Text, Unreachable
from xietong_system_desk import DeskProfile, command

LOST = Unreachable(reason="NODE_UNREACHABLE", text=Text("节点无应答。", "the node does not answer."))
UNUSABLE = SettingsInvalid(reason="NO_NODE", text=Text("未填写节点地址。", "no node is given."))
FULL = OSError(errno.ENOSPC, "No space left on device", "/desk/register.json")


@pytest.mark.parametrize(
    ("failure", "ends"),
    [
        (LOST, (1, "the node does not answer")),
        (UNUSABLE, (2, "no node is given")),
        (ExceptionGroup("together", [LOST, UNUSABLE]), (1, "the node does not answer")),
        (ExceptionGroup("together", [ExceptionGroup("nested", [FULL])]), (1, "register.json: No space left")),
        (ExceptionGroup("together", [ZeroDivisionError("秘密")]), (1, "ZeroDivisionError")),
    ],
    ids=["unreachable", "settings", "group", "nested group", "defect"],
)
def test_one_line_tells_why_it_ended(
    failure: Exception,
    ends: tuple[int, str],
    profile: DeskProfile,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def fail(*_given: object) -> NoReturn:
        raise failure

    monkeypatch.setattr(command, "_serve", fail)
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    arguments = ["system", "--folder", str(tmp_path), "--node", "localhost:1", "--actor", "1:警号"]
    monkeypatch.setattr("sys.argv", arguments)
    code, said = ends
    with pytest.raises(SystemExit) as ended:
        command.run("system", [profile])
    assert ended.value.code == code
    lines = [line for line in capsys.readouterr().err.splitlines() if said in line]
    assert len(lines) == 1
    assert "秘密" not in lines[0]
