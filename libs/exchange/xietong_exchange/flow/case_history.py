"""What this node knows of a case: its collaboration id, the latest packages of it that passed here, and where its
persons stand by them.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
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
MOST_OF_A_LIFE = 2_000
"""Packages that are read where the whole course of a case counts."""


@dataclass(frozen=True, slots=True)
class CaseHistory:
    """The latest packages of a case, and their evidence by package id."""

    packages: Sequence[PackageRecord] = ()
    evidence: Mapping[str, Sequence[EvidenceRecord]] = field(default_factory=dict)
    is_cut: bool = False
    """There are older ones."""

    @classmethod
    async def read_whole(cls, tx: Transaction, collaboration_case_id: str) -> CaseHistory:
        """The whole course of a case, up to `MOST_OF_A_LIFE` packages, page by page."""
        wanted = PackageFilter(collaboration_case_id=collaboration_case_id)
        packages: list[PackageRecord] = []
        evidence: dict[str, Sequence[EvidenceRecord]] = {}
        more = True
        while more and (left := MOST_OF_A_LIFE - len(packages)) > 0:
            before = packages[-1].position if packages else None
            page = await tx.packages.page(wanted, before=before, limit=min(MOST_PACKAGES, left))
            packages += page.records
            evidence |= await tx.packages.evidence_of([record.package_id for record in page.records])
            more = page.more and bool(page.records)
        return cls(packages, evidence, is_cut=more)

    @classmethod
    async def read(cls, tx: Transaction, collaboration_case_id: str) -> CaseHistory:
        """Two reads by an index; one when nothing of the case passed here."""
        wanted = PackageFilter(collaboration_case_id=collaboration_case_id)
        packages = (await tx.packages.page(wanted, limit=MOST_PACKAGES)).records
        if not packages:
            return cls()
        return cls(packages, await tx.packages.evidence_of([record.package_id for record in packages]))

    def positions(self, lifecycle: Lifecycle, persons: Iterable[str], now: datetime) -> dict[str, Position]:
        """Where these persons stand in the procedure, by collaboration person id; who is not known here is left out."""
        envelopes = self.envelopes()
        groups = {group[0]: group for group in alike(envelopes, persons)}
        events = self.events(envelopes, groups)
        return {
            person: state.procedure
            for state in suspect_states(lifecycle, events, groups, now=now)
            if state.procedure.state
            for person in groups[state.person_id]
        }

    def envelopes(self) -> list[Envelope]:
        """What the packages say of themselves, in their order."""
        return [Envelope.FromString(record.envelope) for record in self.packages]

    def statements(self, package_id: str) -> list[Statement]:
        """What was stated of a package."""
        return [Statement.FromString(one.statement) for one in self.evidence.get(package_id, ())]

    def events(self, envelopes: Sequence[Envelope], persons: Container[str]) -> list[Event]:
        """What happened to the case and to these persons, by its envelopes and their evidence."""
        return [
            event
            for envelope in envelopes
            for event in observed_events(envelope, self.statements(envelope.package_id), persons)
        ]


def alike(envelopes: Sequence[Envelope], persons: Iterable[str]) -> Iterable[Sequence[str]]:
    """The persons, those together whom the same packages, dated events and relations name: most of a large case, and
    they stand at the same place.
    """
    named_by: dict[str, list[int]] = {person: [] for person in persons}
    namings = (
        named
        for envelope in envelopes
        for named in (
            envelope.supervision.person_ids,
            *(event.person_ids for event in envelope.supervision.events),
            *(relation.person_ids for relation in envelope.supervision.relations),
        )
    )
    for number, named in enumerate(namings):
        for person in named:
            if person in named_by:
                named_by[person].append(number)
    groups: dict[tuple[int, ...], list[str]] = {}
    for person, numbers in named_by.items():
        groups.setdefault(tuple(numbers), []).append(person)
    return groups.values()


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
