"""Who did what that makes no evidence: written with the act, once, and never changed afterwards."""

from __future__ import annotations

from typing import cast

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.integration.store.records import NOON, REFUSAL, draft_key, package, stored
from tests.unit.exchange.nodes import MemoryStore, new_exchange
from tests.unit.exchange.packages import NOW

from xietong.casefile.v1.manifest_pb2 import Manifest, Part
from xietong.exchange.v1.draft_pb2 import Contribution, DraftHeader
from xietong.exchange.v1.envelope_pb2 import Address, Classification, Lane, Party
from xietong.exchange.v1.evidence_pb2 import Actor
from xietong_exchange.adapters.postgres import PostgresStore
from xietong_exchange.adapters.postgres.tables import operation_log
from xietong_exchange.domain.errors import PartNameConflict
from xietong_exchange.domain.identity import Identity, Role
from xietong_exchange.domain.profile import SystemProfile
from xietong_exchange.flow.drafts import DraftDesk
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.neighbours import Neighbours
from xietong_exchange.flow.operations import Operations
from xietong_exchange.flow.records import OperationRecord

POLICE, HUB = Party.PARTY_POLICE, Party.PARTY_HUB
CASE_HANDLING = Identity("gz.example", POLICE, Role.SYSTEM, "case-handling")
ARCHIVE = Identity("gz.example", POLICE, Role.SYSTEM, "archive")
OPERATOR = Identity("gz.example", POLICE, Role.OPERATOR)
WANG, LI = (Actor(organ_code="440199000001", handler_ref=ref) for ref in ("1024", "2048"))
KEY = draft_key()
HEADER = DraftHeader(
    classification=Classification.CLASSIFICATION_UNCLASSIFIED,
    receivers=[Address(party=Party.PARTY_PROCURATORATE)],
)


def police(store: PostgresStore) -> Exchange:
    grants = SystemProfile(frozenset({"contribute", "submit"}))
    systems = {CASE_HANDLING.name: grants, ARCHIVE.name: grants}
    return new_exchange(POLICE, cast("MemoryStore", store), systems=systems)


async def logged(engine: AsyncEngine) -> list[tuple[object, ...]]:
    shown = operation_log.c
    columns = (shown.operation, shown.caller, shown.organ_code, shown.handler_ref, shown.draft_id)
    statement = select(*columns, shown.package_id, shown.delivery_id, shown.operation_time)
    async with engine.connect() as connection:
        return [tuple(row) for row in await connection.execute(statement.order_by(shown.operation_id))]


async def test_who_changes_a_draft_is_on_record_and_a_repetition_is_not(
    store: PostgresStore, engine: AsyncEngine
) -> None:
    desk = DraftDesk(police(store))
    photo = Manifest(parts=[Part(name="photo.jpg", size_bytes=1, sha256="00" * 32)])
    for _ in range(2):
        await desk.contribute(KEY, Contribution(name="main"), CASE_HANDLING, WANG)
        await desk.open(KEY, HEADER, CASE_HANDLING, WANG)
    await desk.contribute(KEY, Contribution(name="main", fragment=photo), CASE_HANDLING, LI)
    draft = await desk.contribute(KEY, Contribution(name="files"), ARCHIVE, LI)
    for _ in range(2):
        await desk.discard(KEY, CASE_HANDLING, LI)
    police_system = "police/system/case-handling"
    acts = [
        ("contribute", police_system, "1024"),
        ("open_draft", police_system, "1024"),
        ("contribute", police_system, "2048"),
        ("contribute", "police/system/archive", "2048"),
        ("discard_draft", police_system, "2048"),
    ]
    assert await logged(engine) == [
        (operation, caller, "440199000001", handler, draft.draft_id, None, None, NOW)
        for operation, caller, handler in acts
    ]


async def test_what_is_refused_is_not_on_record(store: PostgresStore, engine: AsyncEngine) -> None:
    desk = DraftDesk(police(store))
    photo = Manifest(parts=[Part(name="photo.jpg", size_bytes=1, sha256="00" * 32)])
    await desk.contribute(KEY, Contribution(name="main", fragment=photo), CASE_HANDLING, WANG)
    with pytest.raises(PartNameConflict):
        await desk.contribute(KEY, Contribution(name="main", fragment=photo), ARCHIVE, LI)
    assert [handler for _, _, _, handler, *_ in await logged(engine)] == ["1024"]


async def test_the_operator_who_replays_a_delivery_is_on_record(
    store: PostgresStore, engine: AsyncEngine
) -> None:
    operations = Operations(
        exchange=police(store),
        neighbours=cast("Neighbours", None),  # nobody is asked
        trust_anchor=b"",
        certificate_expire_time=lambda: NOON,
        start_time=NOON,
    )
    [record] = await stored(store, package())
    async with store.transaction() as tx:
        await tx.outbox.enqueue(HUB, Lane.LANE_BULK, record.package_id)
        [held] = await tx.outbox.claim(HUB, Lane.LANE_BULK, owner="w", lease_seconds=600, limit=1)
    await operations.replay(held.delivery_id, OPERATOR)
    assert await logged(engine) == [], "it is under way, so that nothing was done"
    async with store.transaction() as tx:
        await tx.outbox.bury(held.delivery_id, held.token, REFUSAL)
    await operations.replay(held.delivery_id, OPERATOR)
    delivery, done = await operations.delivery(held.delivery_id)
    assert (delivery.status, delivery.attempts) == ("pending", 0)
    assert [(act.operation, act.caller, act.time) for act in done] == [
        ("replay_delivery", "police/operator", NOW)
    ]
    assert await logged(engine) == [
        ("replay_delivery", "police/operator", "", "", None, record.package_id, held.delivery_id, NOW)
    ]


async def test_of_what_was_done_about_a_delivery_the_latest_is_shown(store: PostgresStore) -> None:
    async with store.transaction() as tx:
        for number in range(4):
            for delivery_id in (7, 8):
                await tx.operations.append(
                    OperationRecord(
                        operation="give_up_delivery",
                        caller="hub/exchange",
                        delivery_id=delivery_id,
                        reason=f"REASON_{number}",
                        time=NOON,
                    )
                )
        found = await tx.operations.of_delivery(7, limit=3)
        assert not await tx.operations.of_delivery(9, limit=3)
    assert [(act.delivery_id, act.reason) for act in found] == [(7, f"REASON_{n}") for n in (1, 2, 3)]
    assert {(act.operation, act.caller, act.package_id, act.draft_id) for act in found} == {
        ("give_up_delivery", "hub/exchange", "", "")
    }


@pytest.mark.parametrize(
    "change",
    ["UPDATE operation_log SET handler_ref = 'x'", "DELETE FROM operation_log", "TRUNCATE operation_log"],
)
async def test_the_database_refuses_to_change_the_log(
    store: PostgresStore, engine: AsyncEngine, change: str
) -> None:
    async with store.transaction() as tx:
        await tx.operations.append(
            OperationRecord(operation="discard_draft", caller="police/system/case-handling", time=NOON)
        )
    before = await logged(engine)
    with pytest.raises(DBAPIError, match="operation_log is append-only"):
        async with engine.begin() as connection:
            await connection.execute(text(change))
    assert await logged(engine) == before != []
