"""Uploads beside each other: of the same content one at a time, and no caller keeps the others out."""

from __future__ import annotations

import grpc
import pytest
from tests.integration.exchange.city import digest
from tests.integration.exchange.refusals import read_error
from tests.integration.exchange.shared_city import CityUnderAttack
from tests.integration.exchange.test_bad_uploads import (
    MIB,
    chunk,
    content,
    draft_without,
    header,
    refused,
    upload,
)

from xietong.exchange.v1.envelope_pb2 import Party

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_upload_does_not_wait_for_another_one_without_an_end(
    steadfast: CityUnderAttack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xietong_exchange.flow.upload.WRITER_WAIT_SECONDS", 0.1)
    draft = await draft_without(await steadfast.agency(Party.PARTY_POLICE, "case-handling"), content(MIB))
    announced = header(len(draft.content), digest(draft.content), draft.key)
    archive = await steadfast.agency(Party.PARTY_POLICE, "evidence-archive")
    async with upload(draft.agency) as first:
        await first.say(announced)
        await first.hear("need")
        told = await refused(archive, announced)
        assert (told.reason, told.code) == ("PART_BUSY", "UNAVAILABLE")
        assert told.retry_seconds
        assert digest(draft.content).value.hex() in told.facts["what"]
    monkeypatch.undo()
    await archive.upload(draft.key, draft.content)
    await draft.require_sent()


async def test_an_upload_that_stands_still_makes_way_for_the_next_one(
    steadfast: CityUnderAttack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xietong_exchange.flow.upload.STANDSTILL_SECONDS", 0.5)
    draft = await draft_without(await steadfast.agency(Party.PARTY_POLICE, "case-handling"), content(2 * MIB))
    announced = header(len(draft.content), digest(draft.content), draft.key)
    async with upload(draft.agency) as first, upload(draft.agency) as second:
        await first.say(announced, chunk(0, draft.content[:MIB]))
        await first.hear("progress")
        await second.say(announced)
        assert (await second.hear("need")).need.offset == MIB
        await second.say(chunk(MIB, draft.content[MIB:]))
        await second.hear("stored")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await first.hear("stored")
    assert read_error(caught.value).reason == "TRANSFER_STALLED"
    await draft.require_sent()


async def test_more_uploads_at_once_than_a_node_takes_come_a_little_later(
    steadfast: CityUnderAttack, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = await draft_without(await steadfast.agency(Party.PARTY_POLICE, "case-handling"), content(MIB))
    with monkeypatch.context() as busy:
        busy.setattr("xietong_exchange.flow.upload.UPLOADS_AT_ONCE", 0)
        told = await refused(draft.agency, header(MIB, digest(draft.content), draft.key))
    assert (told.reason, told.code) == ("TOO_MANY_TRANSFERS", "RESOURCE_EXHAUSTED")
    assert told.retry_seconds
    await draft.agency.upload(draft.key, draft.content)
    await draft.require_sent()
