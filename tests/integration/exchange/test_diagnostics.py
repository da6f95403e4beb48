"""The diagnostics bundle tells a vendor's support how the node is, and nothing that is nobody's business."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.message import Message
from tests.integration.exchange.city import manifest_for
from tests.integration.exchange.commands import Xietong
from tests.integration.exchange.shared_city import BOUND_SECONDS, PROCESS, CityUnderAttack, case_number

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Party
from xietong_client import Operations
from xietong_client.cli.exit_codes import ExitCode
from xietong_exchange.runtime.settings import ContactSettings, NotificationSettings, SupervisionSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")
MOST_BYTES = 1 << 20
WATCHFUL = SupervisionSettings(round_seconds=1, standstill_minutes=1 / 60)
CONTACT = ContactSettings(
    party="court", system="exchange", vendor="某某厂商", level="lead", reach="值班电话 4711"
)
NOTE = "已与张某某通话"
HOOK = "hook-token-4711"


def words(message: Message) -> Iterator[str]:
    """All texts of a message that could be somebody's: longer than a code of one or two characters."""
    for field, value in message.ListFields():
        for each in value if field.is_repeated else (value,):
            if isinstance(each, Message):
                yield from words(each)
            elif isinstance(each, str) and len(each) > 3 and not each.isascii():
                yield each


async def test_it_tells_how_the_node_is_and_no_secret(
    steadfast: CityUnderAttack, xietong: Xietong, tmp_path: Path
) -> None:
    secret = tmp_path / "webhook-secret"
    secret.write_text("a-secret-of-many-characters")
    notified = NotificationSettings(url=f"http://127.0.0.1:9/{HOOK}", secret_file=secret)
    hub = {"supervision": WATCHFUL, "contacts": [CONTACT], "notification": notified}
    number = case_number()
    async with steadfast.changed(Party.PARTY_HUB, **hub), asyncio.timeout(BOUND_SECONDS * 2):
        police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
        sent = await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=number)
        await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)
        tested = (await xietong("operations", "test", "court", "--wait", "1", "--json")).json["package_id"]
        while not (
            late := (await xietong("incidents", "list", "--package", tested, "--json")).json["incidents"]
        ):
            await asyncio.sleep(0.1)  # between two looks at what no event tells
        await xietong("incidents", "ack", late[0]["incident_id"], "--note", NOTE)

        file = tmp_path / "bundle.json"
        assert (await xietong("operations", "diagnostics", str(file))).code == ExitCode.OK
        again = await xietong("operations", "diagnostics", str(file), "--json")
        assert again.json["error"]["reason"] == "LOCAL_STORAGE_FAILED"
        channel = await steadfast.channel(Party.PARTY_POLICE, "operator")
        documents = {"hub": file.read_bytes(), "police": await Operations(channel).diagnostics()}

    bundle = json.loads(documents["hub"])
    assert bundle["party"] == "hub"
    assert bundle["node"]["schema_version"] == bundle["versions"]["newest_schema"]
    assert bundle["settings"]["database_connections"] > 0
    assert (bundle["settings"]["database_url"], bundle["settings"]["contacts"]) == ("set", {"count": 1})
    assert late[0]["incident_id"] in [one["incident_id"] for one in bundle["incidents"]]
    gauges = {one["name"] for one in bundle["gauges"]}
    assert gauges >= {"xietong.queue.depth", "xietong.certificate.remaining", "xietong.disk.free"}
    assert any("NODE_UNREACHABLE" in line for line in bundle["log"])

    private = {
        number,
        NOTE,
        HOOK,
        CONTACT.reach,
        CONTACT.vendor,
        secret.read_text(),
        str(steadfast.pki_folder),
        "PRIVATE KEY",
        "postgresql+asyncpg",
        *(f":{port}" for port in steadfast.ports.values()),
        *words(manifest_for(PROCESS, {})),
    }
    assert len(private) > 20, "nothing to look for"
    for name, document in documents.items():
        assert len(document) <= MOST_BYTES
        assert [word for word in private if word in document.decode()] == [], name
