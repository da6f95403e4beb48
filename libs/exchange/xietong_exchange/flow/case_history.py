"""What this node knows of a case: its collaboration id, the latest packages of it that passed here, and where its
persons stand by them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from xietong.exchange.v1.draft_pb2 import DraftHeader
from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong.exchange.v1.evidence_pb2 import Statement
from xietong_exchange.flow.records import EvidenceRecord, PackageFilter, PackageRecord
from xietong_exchange.flow.store import Transaction
from xietong_standard.clocks import Event
from xietong_standard.lifecycle import Lifecycle, Position, suspect_states
from xietong_standard.observation import observed_events

MOST_PACKAGES = 500
"""Of a case with more, the latest count; a page of them also ends at `store.PAGE_BYTES`."""


@dataclass(frozen=True, slots=True)
class CaseHistory:
    """The latest packages of a case, and their evidence by package id."""

    packages: Sequence[PackageRecord] = ()
    evidence: Mapping[str, Sequence[EvidenceRecord]] = field(default_factory=dict)

    @classmethod
    async def read(cls, tx: Transaction, collaboration_case_id: str) -> CaseHistory:
        """Two reads by an index; one when nothing of the case passed here."""
        wanted = PackageFilter(collaboration_case_id=collaboration_case_id)
        packages = (await tx.packages.page(wanted, limit=MOST_PACKAGES)).records
        if not packages:
            return cls()
        return cls(packages, await tx.packages.evidence_of([record.package_id for record in packages]))

    def positions(self, lifecycle: Lifecycle, persons: Collection[str], now: datetime) -> dict[str, Position]:
        """Where these persons stand in the procedure, by collaboration person id; who is not known here is left out."""
        states = suspect_states(lifecycle, self._events(), persons, now=now)
        return {state.person_id: state.procedure for state in states if state.procedure.state}

    def _events(self) -> Iterator[Event]:
        for record in self.packages:
            stated = self.evidence.get(record.package_id, ())
            statements = [Statement.FromString(one.statement) for one in stated]
            yield from observed_events(Envelope.FromString(record.envelope), statements)


async def known_case_id(
    tx: Transaction, party: Party.ValueType, case_number: str, header: DraftHeader
) -> str:
    """The collaboration case id of a draft: as given, of the package answered or corrected, or of the latest package
    with this case number of the party; empty when the case is new.
    """
    if header.collaboration_case_id:
        return header.collaboration_case_id
    for related in (header.correlation_id, header.corrects_package_id):
        if related and (record := await tx.packages.get(related)):
            return record.collaboration_case_id
    known = await tx.packages.latest_of_case(party, case_number)
    return known.collaboration_case_id if known else ""
