"""The command on terminals as they are: in either language, without Chinese, full, or fed with what would steer it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console
from tests.unit.client.commands import Xietong

from xietong_client import Text
from xietong_client.cli.commands import COMMANDS
from xietong_client.cli.exit_codes import ExitCode
from xietong_client.cli.session import Output
from xietong_client.text import Language

COMMAND = (sys.executable, "-c", "from xietong_client.cli import main; main()")
ENGLISH_OF_TYPER = ("Options", "Arguments", "Commands", "Show this")


@pytest.mark.parametrize("words", [(), ("pki",), ("dead",), *(command.words for command in COMMANDS)])
async def test_the_help_is_chinese_where_asked(xietong: Xietong, words: tuple[str, ...]) -> None:
    result = await xietong("--lang", "zh", *words, "--help")
    assert result.code == ExitCode.OK
    assert "选项" in result.out
    assert [english for english in ENGLISH_OF_TYPER if english in result.out] == []


async def test_making_certificates_offers_no_node(xietong: Xietong) -> None:
    offered = (await xietong("pki", "init", "--help")).out
    assert "--trust-domain" in offered
    assert "--node" not in offered


@pytest.mark.parametrize("port", ["0", "65536", "99999", "7101x", ""])
async def test_a_port_that_does_not_exist_is_a_usage_error(xietong: Xietong, port: str) -> None:
    result = await xietong("parties", "--node", f"127.0.0.1:{port}")
    assert result.code == ExitCode.USAGE
    assert "malformed" in result.err


@pytest.mark.parametrize("encoding", ["ascii", "gbk"])
def test_a_terminal_that_lacks_characters_shows_escapes(tmp_path: Path, encoding: str) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": f"{encoding}:strict"}
    folder = tmp_path / "证书𤩽"
    done = subprocess.run(
        [*COMMAND, "pki", "init", folder, "--lang", "zh"], env=environment, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (ExitCode.OK, b"")
    assert b"\\U00024a7d" in done.stdout


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "utf-8"])
def test_json_is_json_in_every_encoding(encoding: str) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding)
    view = {"name": "甲某𤩽·样本 \udcff"}  # the last as of a file name that is no UTF-8
    Output(Language.ZH, as_json=True, out=Console(file=out)).result(view)
    out.flush()
    assert json.loads(raw.getvalue().decode(encoding)) == view


def test_a_result_that_cannot_be_written_is_said() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "parties", "--json", "--lang", "en", "--node", "nowhere"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == ExitCode.REFUSED
    assert b"the result cannot be written (No space left on device)" in done.stderr
    assert b"Traceback" not in done.stderr


def test_what_others_wrote_does_not_steer_the_terminal() -> None:
    out, err = io.StringIO(), io.StringIO()
    output = Output(Language.EN, out=Console(file=out, width=80), err=Console(file=err, width=80))
    hostile = "a\x1b]0;title\x07\x9b2J\u202eb\x00"
    output.line(Text(hostile, hostile))
    output.table([Text("甲", "x")], [[hostile]])
    output.note(Text(hostile, hostile))
    for said in (out.getvalue(), err.getvalue()):
        assert r"a\x1b]0;title\x07\x9b2J\u202eb\x00" in said
        assert not set(said) & set("\x1b\x07\x9b\u202e\x00")
