"""A change of the data standard goes its way at a real hub, by the commands of the parties' and the hub's operators."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.exchange.commands import Xietong
from tests.integration.exchange.shared_city import CityUnderAttack

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.standard_change_pb2 import StandardChangeDraft, StandardScope
from xietong_client import ContentInvalid, Credentials, open_standard_changes
from xietong_client.cli.exit_codes import ExitCode

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOCAL = StandardScope.STANDARD_SCOPE_LOCAL
ASKED = (
    "standard",
    "request",
    "增加“𠮷”字段",
    "--reason",
    "各单位均需要",
    "--contact",
    "法制支队业务接口人",
    "--party",
    "procuratorate",
    "--process",
    "PB-01",
    "--json",
)


async def test_from_the_request_to_the_retired_edition(
    steadfast: CityUnderAttack, xietong: Xietong, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(steadfast.pki_folder)

    async def of(party: str, *words: str) -> dict[str, object]:
        monkeypatch.setenv("XIETONG_CREDENTIALS", str(folder / party))
        said = await xietong("standard", *words, "--json")
        assert said.code == ExitCode.OK, said.err
        found: dict[str, object] = said.json
        return found

    async def refused(party: str, *words: str) -> str:
        monkeypatch.setenv("XIETONG_CREDENTIALS", str(folder / party))
        said = await xietong("standard", *words)
        assert said.code != ExitCode.OK
        return said.err

    asked = await of("police", *ASKED[1:-1])
    number = str(asked["change_id"])
    assert (asked["state"], asked["requested_by"]) == ("requested", "police")
    assert asked["parties"] == ["police", "procuratorate"]
    assert "for the hub's operators" in await refused(
        "police", "decide", number, "--approve", "--reason", "好"
    )
    assert (await of("hub", "decide", number, "--approve", "--reason", "需要"))["state"] == "approved"
    notice = ("--number", "数标〔2026〕1号", "--edition", "2026.2", "--replaces", "2026.1")
    await of("hub", "publish", number, *notice, "--effective", "2026-11-01")
    await of("police", "readiness", number, "ready", "--vendor", "示例厂商")
    assert "not ready: procuratorate" in await refused("hub", "in-force", number)
    begun = await of("hub", "in-force", number, "--staying", "procuratorate")
    assert begun["staying_parties"] == ["procuratorate"]
    assert "stay on the older edition" in await refused("hub", "retire", number)
    await of("procuratorate", "readiness", number, "ready", "--of", "prosecution")
    await of("hub", "in-force", number)
    ended = await of("hub", "retire", number)
    assert ended["state"] == "older edition retired"
    steps = ended["steps"]
    assert isinstance(steps, list)
    assert [step["caller"] for step in steps][:3] == ["police/operator", "hub/operator", "hub/operator"]

    shown = (await xietong("standard", "change", number)).out
    assert "notice 数标〔2026〕1号: edition 2026.2, in force from 2026-11-01" in shown
    assert "procuratorate prosecution: ready" in shown
    assert number not in (await xietong("standard", "requests")).out
    assert number in (await xietong("standard", "requests", "--all")).out


async def test_a_local_change_is_closed_by_who_asked(
    steadfast: CityUnderAttack, xietong: Xietong, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XIETONG_CREDENTIALS", str(Path(steadfast.pki_folder) / "police"))
    words = ("standard", "request", "本地字段", "--reason", "自用", "--contact", "业务接口人", "--json")
    number = str((await xietong(*words)).json["change_id"])
    listed = (await xietong("standard", "requests", "--json")).json["changes"]
    assert number in [one["change_id"] for one in listed]
    closed = (await xietong("standard", "close", number, "--note", "厂商已改", "--json")).json
    assert (closed["state"], closed["scope"]) == ("closed locally", "local")
    said = await xietong("standard", "readiness", number, "soon")
    assert "Give one of: not-begun, developing, testing, ready" in said.err


async def test_a_party_rehearses_at_its_own_node(
    steadfast: CityUnderAttack, xietong: Xietong, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XIETONG_NODE", f"127.0.0.1:{steadfast.ports[Party.PARTY_POLICE]}")
    monkeypatch.setenv("XIETONG_CREDENTIALS", str(Path(steadfast.pki_folder) / "police"))
    told = await xietong("standard", "rehearse", "2026.1", "--days", "1")
    assert told.code == ExitCode.OK, told.err
    assert "0 of them would fail" in told.out
    said = await xietong("standard", "rehearse", "2026.1", "--json")
    assert (said.json["edition"], said.json["days"], said.json["would_fail"]) == ("2026.1", 30, 0)
    refused = await xietong("standard", "rehearse", "2031.1")
    assert refused.code != ExitCode.OK
    assert "2031.1" in refused.err


@pytest.mark.parametrize("text", ["换\0行", "\x1b[31m红"])
async def test_texts_that_would_harm_a_terminal_or_the_database_are_refused(
    steadfast: CityUnderAttack, xietong: Xietong, text: str
) -> None:
    draft = StandardChangeDraft(title="字段", reason=text, scope=LOCAL, contact_point="业务接口人")
    credentials = Credentials.from_folder(Path(steadfast.pki_folder) / "hub", operator=True)
    target = f"127.0.0.1:{steadfast.ports[Party.PARTY_HUB]}"
    async with open_standard_changes(target, credentials) as changes:
        with pytest.raises(ContentInvalid) as refused:
            await changes.request(draft)
        assert refused.value.violations[0].path == "draft.reason"
        draft.reason = "第一行\n第二行"
        change = await changes.request(draft)
        with pytest.raises(ContentInvalid):
            await changes.close(change.change_id, text)
