"""The commands for whom to call and for what people report, as operators use them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.integration.exchange.commands import Said, Xietong
from tests.integration.exchange.shared_city import PROCESS, CityUnderAttack, case_number

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Party
from xietong_client.cli.exit_codes import ExitCode

pytestmark = pytest.mark.asyncio(loop_scope="session")
OF_COURT = ("court", "trial", "--vendor", "示例厂商", "--level")
UNKNOWN = "01a22000-0000-7000-8000-000000000000"


async def test_the_directory_is_changed_and_asked(steadfast: CityUnderAttack, xietong: Xietong) -> None:
    lead = (*OF_COURT, "lead", "--reach", "值班电话 0001", "--hours", "昼夜")
    put = (await xietong("contacts", "put", *lead, "--json")).json["contacts"]
    assert put == [
        {
            "party": "court",
            "system": "trial",
            "vendor": "示例厂商",
            "level": "lead",
            "reach": "值班电话 0001",
            "duty_hours": "昼夜",
        }
    ]
    assert (await xietong("contacts", "put", *OF_COURT, "operations", "--reach", "0002")).code == ExitCode.OK
    whom = [one["level"] for one in (await xietong("contacts", "whom", "court", "--json")).json["contacts"]]
    escalated = await xietong("contacts", "whom", "court", "exchange", "--escalated", "--lang", "zh")
    assert whom == ["operations", "lead"]
    assert escalated.out.splitlines()[0].endswith("trial · 示例厂商（负责人） 值班电话 0001  昼夜")

    for _ in range(2):
        left = (await xietong("contacts", "remove", *OF_COURT, "operations", "--json")).json["contacts"]
        assert left == put
    await xietong("contacts", "remove", *OF_COURT, "lead")
    assert (await xietong("contacts", "whom", "court")).out == "this party has no contact.\n"
    wrong = await xietong("contacts", "put", *OF_COURT, "chief", "--reach", "0", "--json")
    assert (wrong.code, wrong.json["error"]["reason"]) == (ExitCode.USAGE, "USAGE")


async def test_a_problem_is_reported_passed_on_and_closed(
    steadfast: CityUnderAttack, xietong: Xietong
) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    sent = await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
    await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)

    async def there(*words: str) -> Said:
        node = f"127.0.0.1:{steadfast.ports[Party.PARTY_PROCURATORATE]}"
        credentials = str(steadfast.pki_folder / "procuratorate")
        return await xietong("problems", *words, "--node", node, "--credentials", credentials)

    what = (sent.package_id, "garbled-text", "--part", "1", "--text", "第二页", "--report-id", UNKNOWN)
    for _ in range(2):
        assert "with our operators" in (await there("report", *what)).out
    found = (await there("list", "--package", sent.package_id, "--json")).json["problems"]
    assert [(one["report_id"], one["kind"], one["state"]) for one in found] == [
        (UNKNOWN, "GARBLED_TEXT", "OPEN")
    ]
    assert (await there("say", UNKNOWN, "已复现", "--json")).json["state"] == "OPEN"
    assert (await there("pass", UNKNOWN, "--json")).json["state"] == "PASSED"
    assert "已关闭" in (await there("close", UNKNOWN, "--text", "已更正", "--lang", "zh")).out
    notes = (await there("show", UNKNOWN, "--json")).json["notes"]
    assert [(one["act"], one["part"], one["text"]) for one in notes] == [
        ("REPORTED", 1, "第二页"),
        ("COMMENTED", 0, "已复现"),
        ("PASSED", 0, ""),
        ("CLOSED", 0, "已更正"),
    ]
    assert "#1  procuratorate/operator  第二页" in (await there("show", UNKNOWN)).out
    late = await there("pass", UNKNOWN, "--json")
    assert (late.code, late.json["error"]["reason"]) == (ExitCode.CONFLICT, "STATE_CONFLICT")
    assert (await there("list", "--package", sent.package_id)).out == "no problems.\n"


async def test_what_cannot_be_reported(steadfast: CityUnderAttack, xietong: Xietong) -> None:
    of_others = await xietong("problems", "report", UNKNOWN, "other", "--json")
    assert of_others.json["error"]["reason"] == "PACKAGE_NOT_FOUND"
    wrong = await xietong("problems", "report", UNKNOWN, "ugly", "--lang", "zh")
    assert (wrong.code, "garbled-text" in wrong.err) == (ExitCode.USAGE, True)


async def test_maintenance_is_announced_and_taken_back(steadfast: CityUnderAttack, xietong: Xietong) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    times = ("--from", begin.isoformat(), "--to", (begin + timedelta(hours=4)).isoformat())
    words = ("maintenance", "announce", *times, "--text", "更换磁盘")
    announced = (await xietong(*words, "--party", "court", "--text-en", "new disks", "--json")).json[
        "windows"
    ]
    mine = next(one for one in announced if one["text"] == {"zh": "更换磁盘", "en": "new disks"})
    assert (mine["party"], mine["is_own"]) == ("court", True)
    assert datetime.fromisoformat(mine["start_time"]) == begin
    assert "法院  更换磁盘" in (await xietong("maintenance", "list", "--lang", "zh")).out
    own = await xietong(*words, "--json")
    assert {one["party"] for one in own.json["windows"]} == {"court", "hub"}

    police = ("--node", f"127.0.0.1:{steadfast.ports[Party.PARTY_POLICE]}")
    credentials = ("--credentials", str(steadfast.pki_folder / "police"))
    refused = await xietong(*words, "--party", "court", *police, *credentials, "--json")
    assert refused.json["error"]["reason"] == "PEER_NOT_ALLOWED"
    wrong = await xietong("maintenance", "announce", "--from", "soon", "--to", "later", "--text", "x")
    assert wrong.code == ExitCode.USAGE
    for one in own.json["windows"]:
        left = (await xietong("maintenance", "cancel", one["maintenance_id"], "--json")).json["windows"]
        assert one["maintenance_id"] not in {each["maintenance_id"] for each in left}
    assert (await xietong("maintenance", "list")).out == "no maintenance is announced.\n"
