"""The command line against a node over mutual TLS: results as JSON, exit codes, languages."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from tests.unit.client.commands import Xietong, incoming, server_credentials
from tests.unit.client.failures import details
from tests.unit.client.fake_node import FakeNode, serving
from tests.unit.client.folders import write_folder

from xietong.exchange.v1.draft_pb2 import Finding, FindingSeverity
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_client import pki
from xietong_client.cli.exit_codes import ExitCode

UNKNOWN_ID = "0190f5ff-0000-7000-8000-000000000000"


async def test_send_prints_the_packages(xietong: Xietong, fake: FakeNode, tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    result = await xietong("send", str(folder), "--process", "PB-01", "--to", "procuratorate", "--json")
    assert result.code == ExitCode.OK, result.err
    [package] = result.json["packages"]
    assert package["package_id"] in fake.held
    assert package["to"]["party"] == "procuratorate"
    assert package["state"] == "SUBMITTED"
    assert (package["parts"], package["is_final"]) == (2, False)
    assert len(package["seal"]) == 64


async def test_send_watch_follows_to_the_end(xietong: Xietong, fake: FakeNode, tmp_path: Path) -> None:
    folder = write_folder(tmp_path)

    async def accept_when_sent() -> None:
        async with asyncio.timeout(20):
            while not fake.held:
                await asyncio.sleep(0.01)
            while fake.held:  # the watch may not be there yet: say it until the command has ended
                await fake.set_state(next(iter(fake.held)), DeliveryState.DELIVERY_STATE_ACCEPTED)
                await asyncio.sleep(0.05)

    receiver = asyncio.create_task(accept_when_sent())
    result = await xietong("send", str(folder), "--watch", "--json")
    receiver.cancel()
    assert result.code == ExitCode.OK, result.err
    lines = [json.loads(line) for line in result.out.splitlines()]
    assert lines[-1]["state"] == "ACCEPTED"
    assert lines[-1]["evidence"][0]["kind"] == "SUBMITTED"


async def test_a_returned_package_ends_the_watch_with_1(xietong: Xietong, fake: FakeNode) -> None:
    package_id = incoming(fake)
    fake.held[package_id].package.state = DeliveryState.DELIVERY_STATE_RETURNED
    assert (await xietong("watch", package_id)).code == ExitCode.REFUSED


async def test_findings_keep_the_package_here(xietong: Xietong, fake: FakeNode, tmp_path: Path) -> None:
    severity = FindingSeverity.FINDING_SEVERITY_ERROR
    text = "缺少提请批准逮捕书，请补充"
    fake.findings = [
        Finding(rule="XT-DOC-001", severity=severity, path="documents", text_zh=text, text_en="missing")
    ]
    folder = write_folder(tmp_path)
    for command in ("send", "preflight"):
        result = await xietong(command, str(folder), "--json")
        assert result.code == ExitCode.CONTENT_INVALID
        assert result.json["error_count"] == 1
        assert result.json["findings"][0]["text"] == {"zh": text, "en": "missing"}
    assert not fake.held


async def test_a_bad_folder_is_explained(xietong: Xietong, tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    (folder / "documents" / "提请批准逮捕书.pdf").unlink()
    result = await xietong("send", str(folder), "--json", "--lang", "zh")
    assert result.code == ExitCode.CONTENT_INVALID
    [problem] = result.json["error"]["problems"]
    assert (problem["file"], problem["field"]) == ("case-data.yaml", "parts[0].name")
    assert "请放入该文件" in result.err


async def test_another_process_than_the_folders_is_a_usage_error(xietong: Xietong, tmp_path: Path) -> None:
    result = await xietong("send", str(write_folder(tmp_path)), "--process", "PB-02")
    assert result.code == ExitCode.USAGE
    assert "PB-01" in result.err


async def test_status_shows_state_and_evidence(xietong: Xietong, fake: FakeNode) -> None:
    package_id = incoming(fake)
    shown = (await xietong("status", package_id, "--json")).json
    assert (shown["package_id"], shown["state"]) == (package_id, "DELIVERED")
    assert shown["trace_id"] == "ab" * 16
    text = await xietong("status", package_id, "--lang=zh")
    assert "状态" in text.out
    assert "已提交" in text.out


async def test_inbox_and_parties(xietong: Xietong, fake: FakeNode) -> None:
    package_id = incoming(fake)
    inbox = (await xietong("inbox", "--json")).json
    assert [package["package_id"] for package in inbox["packages"]] == [package_id]
    parties = (await xietong("parties", "--json")).json["parties"]
    assert [(party["party"], party["via"], party["last_contact_time"]) for party in parties] == [
        ("procuratorate", "hub", "2026-01-05T09:00:00+00:00"),
        ("hub", "hub", None),
    ]


async def test_parties_claims_no_more_than_is_known(xietong: Xietong) -> None:
    """Of a party behind the hub the node knows only whether the hub answers."""
    english = (await xietong("parties", "--lang", "en")).out
    behind, direct = [line for line in english.splitlines() if "answer" in line and "next" not in line]
    assert re.search(r"through \S.* answers .*2026-01-05", behind)
    assert re.search(r"directly .* does not answer .*never", direct)
    assert "reachable" not in english
    chinese = (await xietong("parties", "--lang", "zh")).out
    assert all(word in chinese for word in ("直连", "无应答", "尚无"))


async def test_fetch_writes_the_files(xietong: Xietong, fake: FakeNode, tmp_path: Path) -> None:
    package_id = incoming(fake)
    result = await xietong("fetch", package_id, str(tmp_path / "in"), "--json")
    assert result.code == ExitCode.OK, result.err
    path = Path(result.json["files"]["起诉意见书.pdf"])
    assert path.read_bytes() == b"content"


async def test_fetch_of_one_kind(xietong: Xietong, fake: FakeNode, tmp_path: Path) -> None:
    package_id = incoming(fake)
    result = await xietong("fetch", package_id, str(tmp_path / "in"), "--kind", "dossier", "--json")
    assert result.json["files"] == {}
    wrong = await xietong("fetch", package_id, str(tmp_path / "in"), "--kind", "scroll")
    assert wrong.code == ExitCode.USAGE


async def test_outcomes_carry_reasons_and_actor(xietong: Xietong, fake: FakeNode) -> None:
    package_id = incoming(fake)
    reasons = ["--reason", "XT-1:persons[0].name:姓名有误", "--reason", "XT-2:#1:no seal: page 2"]
    assert (await xietong("return", package_id, *reasons)).code == ExitCode.OK
    assert (await xietong("reject", package_id, *reasons[:2])).code == ExitCode.OK
    accepted = await xietong("accept", package_id, "--case-number", "示检〔２０２６〕１２号", "--json")
    assert accepted.json["receiver_case_number"] == "示检〔２０２６〕１２号"
    returned, rejected, taken = fake.outcomes
    first, second = returned.outcome.returned.reasons
    assert (first.code, first.path, first.text_zh) == ("XT-1", "persons[0].name", "姓名有误")
    assert (second.part, second.path, second.text_en) == (1, "", "no seal: page 2")
    assert len(rejected.outcome.rejected.reasons) == 1
    assert taken.actor.handler_ref == "P-0001"


@pytest.mark.parametrize("reason", ["just words", "CODE:path", ":path:text", "CODE:#x:text", "CODE::"])
async def test_a_malformed_reason_is_a_usage_error(xietong: Xietong, fake: FakeNode, reason: str) -> None:
    result = await xietong("reject", incoming(fake), "--reason", reason)
    assert result.code == ExitCode.USAGE
    assert "CODE:PATH:TEXT" in result.err
    assert not fake.outcomes


async def test_too_late_to_withdraw_is_a_conflict(xietong: Xietong, fake: FakeNode) -> None:
    package_id = incoming(fake)
    assert (await xietong("withdraw", package_id, "--reason", "发错了")).code == ExitCode.OK
    await fake.set_state(package_id, DeliveryState.DELIVERY_STATE_ACCEPTED)
    result = await xietong("withdraw", package_id, "--reason", "发错了", "--json")
    assert result.code == ExitCode.CONFLICT
    assert result.json["error"]["reason"] == "WITHDRAWAL_TOO_LATE"
    assert [request.reason for request in fake.withdrawals] == ["发错了", "发错了"]


async def test_an_unknown_package_is_refused_in_the_language_of_the_locale(
    xietong: Xietong, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = await xietong("status", UNKNOWN_ID)
    assert (result.code, result.out) == (ExitCode.REFUSED, "")
    assert "PACKAGE_NOT_FOUND: no package here" in result.err
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert "请核对编号" in (await xietong("status", UNKNOWN_ID)).err


async def test_the_incident_is_printed(xietong: Xietong, fake: FakeNode, tmp_path: Path) -> None:
    fake.submit_error = (
        grpc.StatusCode.INTERNAL,
        "a defect",
        details("INTERNAL", "内部错误", incident="ab" * 16),
    )
    result = await xietong("send", str(write_folder(tmp_path)), "--json")
    assert result.code == ExitCode.REFUSED
    assert result.json["error"]["incident_id"] == "ab" * 16
    assert "ab" * 16 in result.err


async def test_a_node_that_is_away_is_unreachable(xietong: Xietong, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xietong_client.cli.session.CONNECT_SECONDS", 0.2)
    result = await xietong("parties", "--node", "127.0.0.1:1", "--json")
    assert result.code == ExitCode.UNREACHABLE
    assert result.json["error"]["reason"] == "NODE_UNREACHABLE"
    assert "xietong doctor" in result.err


async def test_a_foreign_node_is_not_trusted(xietong: Xietong, tmp_path: Path, fake: FakeNode) -> None:
    pki.init(tmp_path / "foreign")
    async with serving(fake, server_credentials(tmp_path / "foreign")) as address:
        result = await xietong("parties", "--node", address, "--json")
    assert result.code == ExitCode.UNREACHABLE
    assert result.json["error"]["reason"] == "NODE_CERTIFICATE_REFUSED"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("accept", UNKNOWN_ID), "--case-number"),
        (("send", "no-such-folder"), "no-such-folder"),
        (("parties", "--node", "nowhere"), "SETTINGS_INVALID"),
        (("parties", "--system", "no-such-system"), "system-no-such-system.pem"),
        (("accept", UNKNOWN_ID, "--case-number", "1", "--actor", "nobody"), "--actor"),
        (("parties", "--lang", "fr"), "fr"),
    ],
)
async def test_wrong_usage_is_2_and_says_what(
    xietong: Xietong, arguments: tuple[str, ...], words: str
) -> None:
    result = await xietong(*arguments)
    assert result.code == ExitCode.USAGE
    assert words in result.err


@pytest.mark.usefixtures("xietong")
@pytest.mark.parametrize(
    ("words", "advice"),
    [(("watch",), b"do not send it again"), (("inbox", "--follow"), b"run again")],
)
async def test_an_interrupted_command_says_130_and_what_to_do(
    fake: FakeNode, words: tuple[str, ...], advice: bytes
) -> None:
    arrived = incoming(fake)
    named = (*words, arrived) if words == ("watch",) else words
    command = (sys.executable, "-m", "xietong_client", *named, "--json")
    watch = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert watch.stdout is not None
    assert b"DELIVERED" in await watch.stdout.readline()
    watch.send_signal(signal.SIGINT)
    _, said = await watch.communicate()
    assert watch.returncode == ExitCode.INTERRUPTED
    assert advice in said


async def test_doctor_finds_nothing_wrong(xietong: Xietong) -> None:
    result = await xietong("doctor", "--json")
    assert result.code == ExitCode.OK, result.out
    checks = {check["check"]: check["verdict"] for check in result.json["checks"] if check["check"] != "disk"}
    assert set(checks) == {"settings", "certificate", "issuer", "key", "network", "tls", "node", "clock"}
    assert set(checks.values()) == {"ok"}


async def test_doctor_tells_the_network_from_the_certificate(
    xietong: Xietong, tmp_path: Path, fake: FakeNode
) -> None:
    away = await xietong("doctor", "--node", "127.0.0.1:1", "--json")
    assert (away.code, away.json["checks"][-1]["check"]) == (ExitCode.UNREACHABLE, "network")
    pki.init(tmp_path / "foreign")
    async with serving(fake, server_credentials(tmp_path / "foreign")) as address:
        foreign = await xietong("doctor", "--node", address, "--json")
    assert (foreign.code, foreign.json["checks"][-1]["check"]) == (ExitCode.UNREACHABLE, "tls")
    assert foreign.json["checks"][-1]["remedy"]["zh"]


async def test_pki_init_makes_certificates_that_doctor_takes(xietong: Xietong, tmp_path: Path) -> None:
    result = await xietong("pki", "init", "certificates", "--json")
    assert result.code == ExitCode.OK, result.err
    identities = {certificate["identity"] for certificate in result.json["certificates"]}
    assert "police/system/case-handling" in identities
    again = (await xietong("pki", "init", "certificates", "--json")).json
    assert not any(certificate["issued"] for certificate in again["certificates"])
