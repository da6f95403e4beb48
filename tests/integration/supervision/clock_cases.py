"""A hub's database with packages of cases, whose clocks are evaluated at a time that the test sets."""

from __future__ import annotations

import uuid
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import cast

from google.protobuf.timestamp_pb2 import Timestamp
from tests.integration.store.records import new_id, package
from tests.unit.exchange.nodes import MemoryStore, new_exchange
from tests.unit.standard.clock_events import moment

from xietong.exchange.v1.envelope_pb2 import (
    Address,
    Envelope,
    Party,
    PartyCaseNumber,
    SupervisionData,
    SupervisionEvent,
    SupervisionRelation,
)
from xietong.exchange.v1.evidence_pb2 import Actor, EvidenceKind, Statement
from xietong.exchange.v1.package_pb2 import Direction
from xietong.supervision.v1.clock_service_pb2 import Clock, ClockPhase
from xietong_exchange.adapters.postgres import PostgresStore
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.records import EvidenceRecord
from xietong_exchange.flow.store import Transaction
from xietong_exchange.supervision.statutory import ClockDesk, Standing

CASE, OTHER_CASE = new_id(), new_id()
POLICE, PROCURATORATE, COURT = Party.PARTY_POLICE, Party.PARTY_PROCURATORATE, Party.PARTY_COURT


def stamp(text: str) -> Timestamp:
    found = Timestamp()
    found.FromDatetime(moment(text))
    return found


@dataclass
class Hub:
    """The hub's database, and its clock."""

    store: PostgresStore
    now: str = "2026-03-04"
    edition: str = ""
    """Under which packages are sent."""
    exchange: Exchange = field(init=False)
    desk: ClockDesk = field(init=False)

    def __post_init__(self) -> None:
        bare = new_exchange(Party.PARTY_HUB, cast("MemoryStore", self.store))
        self.exchange = replace(bare, clock=lambda: moment(self.now))
        self.desk = ClockDesk(self.exchange)

    async def passed(
        self,
        process: str,
        at: str,
        persons: tuple[str, ...],
        *events: SupervisionEvent,
        case_id: str = CASE,
        relations: tuple[SupervisionRelation, ...] = (),
        way: tuple[Party.ValueType, Party.ValueType] = (POLICE, PROCURATORATE),
        handler: str = "",
        within: Transaction | None = None,
    ) -> str:
        """A package that went through and was received in the minute in which it was sent; its id."""
        package_id = str(uuid.uuid4())
        envelope = Envelope(
            package_id=package_id,
            process_code=process,
            collaboration_case_id=case_id,
            case_numbers=[number_of(case_id)],
            standard_edition=self.edition,
            sender=Address(party=way[0], organ_code=f"{way[0]}00"),
            receiver=Address(party=way[1], organ_code=f"{way[1]}00"),
            create_time=stamp(at),
            supervision=SupervisionData(person_ids=persons, events=events, relations=relations),
        )
        received = Statement(
            package_id=package_id,
            kind=EvidenceKind.EVIDENCE_KIND_DELIVERED,
            stated_by=way[1],
            event_time=stamp(at),
            actor=Actor(organ_code=f"{way[1]}01", handler_ref=handler) if handler else None,
        )
        record = package(
            package_id=package_id,
            collaboration_case_id=case_id,
            envelope=envelope.SerializeToString(),
            direction=Direction.DIRECTION_TRANSIT,
        )
        evidence = EvidenceRecord(
            evidence_id=new_id(),
            package_id=package_id,
            kind=received.kind,
            stated_by=way[1],
            event_time=moment(at),
            statement=received.SerializeToString(),
            signature=b"",
        )
        async with nullcontext(within) if within else self.store.transaction() as tx:
            assert await tx.packages.add_stated(record, [evidence], None) is not None
        return package_id

    async def standing(
        self, *phases: ClockPhase.ValueType, case_id: str = CASE, after: int = 0, limit: int = 20
    ) -> Standing:
        return await self.desk.of_case(case_id, phases, after=after, limit=limit)

    async def clock(self, clock_id: str, person: str, now: str, case_id: str = CASE) -> Clock:
        self.now = now
        [group] = [one for one in (await self.standing(case_id=case_id)).persons if person in one.person_ids]
        return next(clock for clock in group.clocks if clock.clock_id == clock_id)


def number_of(case_id: str) -> PartyCaseNumber:
    """The number of a case at the police."""
    return PartyCaseNumber(party=POLICE, number=f"A{case_id[-4:]}")


def detention(at: str, *persons: str) -> SupervisionEvent:
    return SupervisionEvent(kind="detention", time=stamp(at), person_ids=persons)
