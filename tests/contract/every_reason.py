"""What is needed to provoke every reason of the error taxonomy: a running city and a register of provocations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import PostgresServer
from tests.integration.exchange.city import (
    Agency,
    draft_key,
    manifest_for,
)
from tests.integration.exchange.hostile_neighbour import (
    HostileNode,
    hostile_node,
)
from tests.integration.exchange.refusals import Refused
from tests.integration.exchange.shared_city import (
    PROCESS,
    CityUnderAttack,
    case_number,
)

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1 import package_pb2
from xietong.exchange.v1.draft_pb2 import Accepted, DraftKey, Outcome
from xietong.exchange.v1.envelope_pb2 import Party


@dataclass(frozen=True)
class World:
    """A running city, its databases' server, and what a provocation may need of the test."""

    city: CityUnderAttack
    server: PostgresServer
    folder: Path
    patch: pytest.MonkeyPatch

    async def police(self) -> Agency:
        return await self.city.agency(Party.PARTY_POLICE, "case-handling")

    async def procuratorate(self) -> Agency:
        return await self.city.agency(Party.PARTY_PROCURATORATE, "prosecution")

    async def court(self) -> HostileNode:
        return await hostile_node(self.city)

    async def draft(self, manifest: Manifest | None = None) -> DraftKey:
        """An open draft with all its files."""
        key, police = draft_key(PROCESS, case_number()), await self.police()
        await police.contribute(key, manifest or manifest_for(PROCESS, {}), {})
        await police.open(key, Party.PARTY_PROCURATORATE)
        return key

    async def delivered(self) -> package_pb2.Package:
        police = await self.police()
        sent = await police.send(PROCESS, Party.PARTY_PROCURATORATE, case_number=case_number())
        return await police.reached(sent.package_id, package_pb2.DELIVERY_STATE_DELIVERED)

    async def accepted(self) -> package_pb2.Package:
        sent = await self.delivered()
        await (await self.procuratorate()).report(sent.package_id, ACCEPTED)
        return await (await self.police()).reached(sent.package_id, package_pb2.DELIVERY_STATE_ACCEPTED)


ACCEPTED = Outcome(accepted=Accepted(receiver_case_number="1"))
Provocation = Callable[[World], Awaitable[Refused]]


class Provocations(dict[str, Provocation]):
    """Provocations by the reason that they provoke."""

    def add(self, provocation: Provocation) -> Provocation:
        """Registers a provocation under its name, which is the reason in lower case."""
        self[provocation.__name__.upper()] = provocation
        return provocation
