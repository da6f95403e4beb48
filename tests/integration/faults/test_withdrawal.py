"""A package is withdrawn: before it left, on its way, after it arrived, too late."""

from __future__ import annotations

import pytest
from tests.integration.exchange.city import ACTOR, Agency
from tests.integration.exchange.refusals import refusal
from tests.integration.faults.proof import (
    ACCEPTED,
    DELIVERED,
    RELAYED,
    SUBMITTED,
    WITHDRAWN,
    accept,
    evidence_is_sound,
    kind_of,
    send,
)
from tests.integration.faults.town import (
    HUB,
    MIB,
    PARTIES,
    POLICE,
    PROCURATORATE,
    Town,
    content_of,
    eventually,
)

from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.gateway_packages_pb2 import WithdrawRequest
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_exchange.runtime.settings import RetentionSettings

pytestmark = pytest.mark.asyncio(loop_scope="session")

WAYS = pytest.mark.parametrize(
    ("away", "waits_as"), [(HUB, SUBMITTED), (PROCURATORATE, RELAYED)], ids=["at the sender", "at the hub"]
)


async def withdraw(police: Agency, package_id: str) -> package_pb2.Package:
    request = WithdrawRequest(package_id=package_id, reason="立案有误", actor=ACTOR)
    return (await police.gateway.Withdraw(request)).package


async def _waiting(town: Town, away: Party.ValueType, waits_as: DeliveryState.ValueType) -> str:
    """A package that waits because the next node is away, and was tried already."""
    await town.kill(away)
    sent = await send(await town.police(), content_of(1000))
    holder = POLICE if away == HUB else HUB

    async def tried() -> bool:
        package = await town.seen(holder, sent.package_id)
        return package is not None and package.progress.last_reason.code == "NODE_UNREACHABLE"

    await eventually(tried)
    await town.state(POLICE, sent.package_id, waits_as)
    return sent.package_id


@WAYS
async def test_a_package_that_never_left_its_node_is_withdrawn_at_once(
    town: Town, away: Party.ValueType, waits_as: DeliveryState.ValueType
) -> None:
    package_id = await _waiting(town, away, waits_as)

    await withdraw(await town.police(), package_id)
    await withdraw(await town.police(), package_id)
    await town.state(POLICE, package_id, WITHDRAWN, bound_seconds=2.0)

    await town.start(away)
    later = await send(await town.police(), content_of(1000))
    await town.state(PROCURATORATE, later.package_id, DELIVERED)
    seen = {party: await town.seen(party, package_id) for party in PARTIES}
    assert {party for party, package in seen.items() if package} == (
        {POLICE} if away == HUB else {POLICE, HUB}
    )
    assert all(package.state == WITHDRAWN for package in seen.values() if package)


async def test_a_package_that_may_have_arrived_is_withdrawn_where_it_is(town: Town) -> None:
    town.to_hub.hold_after(MIB // 4)
    sent = await send(await town.police(), content_of(MIB))
    await town.moved(HUB, sent.package_id, 1)

    asked = await withdraw(await town.police(), sent.package_id)
    assert asked.state == SUBMITTED
    town.to_hub.heal()

    for party in (POLICE, HUB):
        await town.state(party, sent.package_id, WITHDRAWN)

    async def is_not_awaited() -> bool:
        """The hub answers if it has not offered it in whole; the receiver may learn of that a moment later."""
        arrived = await town.seen(PROCURATORATE, sent.package_id)
        return arrived is None or arrived.state == WITHDRAWN

    await eventually(is_not_awaited)


async def test_a_package_that_still_arrives_is_withdrawn_and_nothing_of_it_stays(town: Town) -> None:
    """The hub answers although it has a part only: the transfer ends, here and onwards, and its data go."""
    often = RetentionSettings(round_seconds=1.0)
    for party in (HUB, PROCURATORATE):
        await town.restart(party, retention=often)
    police, size = await town.police(), 16 * MIB
    met = await send(police, content_of(1000))
    await town.state(PROCURATORATE, met.package_id, DELIVERED)
    before = town.to_hub.sent_bytes
    town.to_hub.there.bytes_per_second = 2 * MIB
    sent = await send(police, content_of(size))
    await town.moved(PROCURATORATE, sent.package_id, 2 * MIB)

    await withdraw(police, sent.package_id)
    for party in PARTIES:
        await town.state(party, sent.package_id, WITHDRAWN)
    await eventually(lambda: _has_ended(town, sent.package_id))

    assert town.to_hub.sent_bytes - before < size * 3 // 4, "the transfer went on"
    town.to_hub.heal()
    await evidence_is_sound(town, sent.package_id, "SUBMITTED", "WITHDRAWAL_REQUESTED", "WITHDRAWN")
    for party in (HUB, PROCURATORATE):
        await eventually(lambda party=party: _holds_nothing_partial(town, party))  # type: ignore[misc]  # mypy can't infer a lambda's default


async def _has_ended(town: Town, package_id: str) -> bool:
    """No node tries to move it, or to tell of it, any more; nobody had to give up."""
    query = "SELECT status FROM delivery WHERE package_id = CAST(:id AS uuid)"
    statuses = [status for party in PARTIES for (status,) in await town.rows(party, query, id=package_id)]
    assert "dead" not in statuses
    return set(statuses) == {"done"}


async def _holds_nothing_partial(town: Town, party: Party.ValueType) -> bool:
    return not [file for file in town.parts(party).glob("partial/*/*") if file.is_file()]


async def test_a_delivered_package_is_withdrawn(town: Town) -> None:
    sent = await send(await town.police(), content_of(1000))
    await town.state(POLICE, sent.package_id, DELIVERED)

    await withdraw(await town.police(), sent.package_id)
    withdrawn = await town.state(POLICE, sent.package_id, WITHDRAWN)

    assert withdrawn.state_label_zh == "已撤回"
    unreadable = await refusal((await town.procuratorate()).read(sent.package_id, 0))
    assert unreadable.reason == "STATE_CONFLICT"
    assert await (await town.police()).read(sent.package_id, 0)  # the sender keeps what it sent
    kinds = ("SUBMITTED", "RELAYED", "DELIVERED", "WITHDRAWAL_REQUESTED", "WITHDRAWN")
    await evidence_is_sound(town, sent.package_id, *kinds)
    refused = await refusal(accept(await town.procuratorate(), sent.package_id))
    assert refused.reason == "STATE_CONFLICT"


async def test_an_accepted_package_can_no_longer_be_withdrawn(town: Town) -> None:
    sent = await send(await town.police(), content_of(1000))
    await town.state(PROCURATORATE, sent.package_id, DELIVERED)
    await accept(await town.procuratorate(), sent.package_id)
    await town.state(POLICE, sent.package_id, ACCEPTED)

    refused = await refusal(withdraw(await town.police(), sent.package_id))

    assert refused.reason == "WITHDRAWAL_TOO_LATE"


async def test_the_receiver_accepts_while_the_wish_to_withdraw_is_under_way(town: Town) -> None:
    sent = await send(await town.police(), content_of(1000))
    await town.state(POLICE, sent.package_id, DELIVERED)
    await town.kill(HUB)
    await withdraw(await town.police(), sent.package_id)
    await accept(await town.procuratorate(), sent.package_id)
    await town.start(HUB)

    async def refused() -> bool:
        package = await (await town.police()).get(sent.package_id)
        return "WITHDRAWAL_REFUSED" in [kind_of(piece.statement) for piece in package.evidence]

    await eventually(refused)
    assert (await town.state(POLICE, sent.package_id, ACCEPTED)).receiver_case_number
    kinds = ("SUBMITTED", "RELAYED", "DELIVERED", "ACCEPTED", "WITHDRAWAL_REQUESTED", "WITHDRAWAL_REFUSED")
    await evidence_is_sound(town, sent.package_id, *kinds)
