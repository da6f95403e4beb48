"""What the command line says to people: usage errors, waiting, bars and results in one terminal, names to type."""

from __future__ import annotations

import io
import json
import logging
import re
from pathlib import Path

import pytest
import typer
from rich.console import Console
from tests.unit.client.commands import Xietong, incoming
from tests.unit.client.fake_node import FakeNode

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_client import Text, Unreachable
from xietong_client.cli.app import build_app
from xietong_client.cli.commands import COMMANDS
from xietong_client.cli.exit_codes import ExitCode
from xietong_client.cli.session import Output
from xietong_client.labels import PARTIES, party_by_name
from xietong_client.rpc import Patience
from xietong_client.status import unanswered
from xietong_client.text import Language


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("send", "nowhere"), "nowhere"),
        (("accept", "some-id"), "--case-number"),
        (("parties", "--nope"), "--nope"),
        (("no-such-command",), "no-such-command"),
    ],
)
async def test_wrong_usage_is_json_where_asked_and_chinese_where_asked(
    xietong: Xietong, arguments: tuple[str, ...], words: str
) -> None:
    result = await xietong(*arguments, "--json", "--lang", "zh")
    assert result.code == ExitCode.USAGE
    assert result.json["error"]["reason"] == "USAGE"
    assert words in result.json["error"]["text"]["en"]
    assert words in result.err
    assert "用法见" in result.err


async def test_help_without_a_command_is_no_error(xietong: Xietong) -> None:
    result = await xietong()
    assert result.code == ExitCode.USAGE
    assert "USAGE" not in result.err
    assert "--lang" in result.out + result.err


def test_no_help_in_chinese_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    xietong = typer.main.get_command(build_app(Language.ZH))
    for words in ((), *(command.words for command in COMMANDS)):
        xietong.main([*words, "--help"], prog_name="xietong", standalone_mode=False)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 10 * len(COMMANDS)
    assert not [line for line in lines if "…" in line], "put a space inside the text"


async def test_version(xietong: Xietong) -> None:
    result = await xietong("--version")
    assert (result.code, bool(re.fullmatch(r"xietong \d+\.\d+\.\d+\n", result.out))) == (ExitCode.OK, True)


async def test_a_node_that_is_away_is_told_with_address_and_cause_while_it_is_waited_for(
    xietong: Xietong, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xietong_client.cli.session.CONNECT_SECONDS", 1.0)
    result = await xietong("parties", "--node", "127.0.0.1:1")
    assert result.code == ExitCode.UNREACHABLE
    assert result.err.count("trying again") == 1
    assert "127.0.0.1:1" in result.err
    assert "refused" in result.err
    assert "WARNING" not in result.err


async def test_waiting_is_told_once_and_anew_after_progress(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("xietong_client.rpc._FIRST_PAUSE_SECONDS", 0.001)
    patience = Patience(None)

    async def fail(times: int) -> int:
        caplog.clear()
        for _ in range(times):
            await patience.wait(unanswered())
        return sum(record.levelno == logging.WARNING for record in caplog.records)

    with caplog.at_level(logging.INFO, "xietong_client.rpc"):
        assert await fail(1) == 0  # a stream that ends is opened again, and that is all
        assert await fail(3) == 1
        patience.reset()
        assert await fail(4) == 1


def test_results_are_written_above_the_bars_of_the_same_terminal() -> None:
    out, err = io.StringIO(), io.StringIO()
    output = Output(
        Language.EN,
        out=Console(file=out, force_terminal=True),
        err=Console(file=err, force_terminal=True),
    )
    with output.bars() as bars:
        bars.show(Text("上传", "uploading"), 1, 2)
        output.line(Text("甲", "above"))
    assert "above" in err.getvalue()
    output.line(Text("乙", "after"))
    assert out.getvalue() == "after\n"


def test_results_in_a_pipe_stay_there_while_bars_move() -> None:
    out, err = io.StringIO(), io.StringIO()
    output = Output(
        Language.EN, as_json=True, out=Console(file=out), err=Console(file=err, force_terminal=True)
    )
    view = {"text": "[red]卷宗[/] :smile: " + "x" * 300}
    with output.bars() as bars:
        bars.show(Text("上传", "uploading"), 1, 2)
        output.result(view)
    assert json.loads(out.getvalue()) == view
    assert out.getvalue().count("\n") == 1


async def test_parties_shows_the_names_to_type(xietong: Xietong) -> None:
    chinese = (await xietong("parties", "--lang", "zh")).out
    assert "人民检察院 procuratorate" in chinese


@pytest.mark.parametrize("party", list(PARTIES))
def test_a_party_is_known_by_what_people_read_too(party: Party.ValueType) -> None:
    label = PARTIES[party]
    assert party_by_name(label.zh) == party_by_name(label.en) == party_by_name(label.en.title()) == party
    assert party_by_name("nobody") is None


async def test_doctor_without_settings_is_a_usage_error(
    xietong: Xietong, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XIETONG_NODE")
    result = await xietong("doctor")
    assert result.code == ExitCode.USAGE
    assert "it is not said where the node is" in result.out
    assert "``" not in result.out


async def test_fetch_into_a_file_says_so(xietong: Xietong, fake: FakeNode, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("a file", encoding="utf-8")
    result = await xietong("fetch", incoming(fake), "README.md")
    assert result.code == ExitCode.REFUSED
    assert "README.md is a file, not a folder" in result.err


def test_unanswered_without_a_cause_has_no_empty_brackets() -> None:
    error = unanswered()
    assert isinstance(error, Unreachable)
    assert "()" not in str(error)
    assert "（）" not in error.message_zh
