"""Sealing: from the contributions of a draft to the manifest and the envelopes that travel."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from xietong.casefile.v1.case_pb2 import CaseNumberKind
from xietong.casefile.v1.manifest_pb2 import Manifest, Part
from xietong.casefile.v1.person_pb2 import PersonRole
from xietong.exchange.v1.draft_pb2 import DraftHeader, DraftKey
from xietong.exchange.v1.envelope_pb2 import (
    Address,
    Digest,
    DigestAlgorithm,
    Envelope,
    EnvelopePart,
    Party,
    PartyCaseNumber,
    SupervisionData,
    SupervisionEvent,
    SupervisionRelation,
    TraceContext,
)
from xietong_exchange.domain.errors import PartNameConflict
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.records import ContributionRecord
from xietong_standard import Edition
from xietong_standard.supervision import StatedEvent, midnight, stated_events

_ACCUSED = frozenset(
    {PersonRole.PERSON_ROLE_SUSPECT, PersonRole.PERSON_ROLE_DEFENDANT, PersonRole.PERSON_ROLE_CONVICT}
)
_NUMBER_PARTY = {
    CaseNumberKind.CASE_NUMBER_KIND_POLICE: Party.PARTY_POLICE,
    CaseNumberKind.CASE_NUMBER_KIND_PROCURATORATE: Party.PARTY_PROCURATORATE,
    CaseNumberKind.CASE_NUMBER_KIND_COURT: Party.PARTY_COURT,
    CaseNumberKind.CASE_NUMBER_KIND_LEGAL_AID: Party.PARTY_JUSTICE,
}


def fragments(contributions: Sequence[ContributionRecord]) -> list[Manifest]:
    """The fragments of a draft, in their order.

    Raises:
        PartNameConflict: two contributions give files of the same name.
    """
    read: list[Manifest] = []
    owners: dict[str, str] = {}
    for contribution in contributions:
        owner = f"{contribution.system}/{contribution.name}"
        read.append(Manifest.FromString(contribution.fragment))
        for part in read[-1].parts:
            if (other := owners.setdefault(part.name, owner)) != owner:
                raise PartNameConflict(name=part.name, other=other)
    return read


def merge(contributions: Sequence[ContributionRecord], process_code: str, edition: str) -> Manifest:
    """The manifest of a draft: its fragments merged in their order, its files numbered.

    Raises:
        PartNameConflict: two contributions give files of the same name.
    """
    manifest = Manifest()
    for fragment in fragments(contributions):
        manifest.MergeFrom(fragment)
    manifest.process_code, manifest.standard_edition = process_code, edition
    for number, part in enumerate(manifest.parts, start=1):
        part.number = number
    return manifest


def name_persons(manifest: Manifest, collaboration_case_id: str, sender: Party.ValueType) -> None:
    """Give suspects, defendants and convicts that have none a collaboration person id.

    It is derived from the random case id, the sender and the person's id in his manifests, so that a later package of
    the same sender names the same person alike without a table of persons. A party that answers keeps the ids that it
    received.
    """
    case = uuid.UUID(collaboration_case_id)
    for person in manifest.persons:
        if not person.collaboration_person_id and _ACCUSED.intersection(person.roles):
            person.collaboration_person_id = str(uuid.uuid5(case, f"{party_name(sender)}/{person.id}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealing:
    """What all envelopes of one send have in common."""

    key: DraftKey
    header: DraftHeader
    sender: Address
    send_id: str
    collaboration_case_id: str
    manifest: Manifest
    manifest_bytes: bytes
    edition: Edition
    create_time: datetime
    trace_context: TraceContext

    def envelope(self, receiver: Address, package_id: str) -> Envelope:
        """The envelope for one receiver."""
        return Envelope(
            package_id=package_id,
            send_id=self.send_id,
            process_code=self.key.process_code,
            standard_edition=self.manifest.standard_edition,
            sender=self.sender,
            receiver=receiver,
            collaboration_case_id=self.collaboration_case_id,
            case_numbers=case_numbers(self.manifest, self.key, self.sender.party),
            correlation_id=self.header.correlation_id,
            corrects_package_id=self.header.corrects_package_id,
            lane=self.header.lane,
            classification=self.header.classification,
            create_time=timestamp(self.create_time),
            parts=[manifest_part(self.manifest_bytes), *map(envelope_part, self.manifest.parts)],
            trace_context=self.trace_context,
            supervision=supervision(self.manifest, self.edition),
        )


def manifest_part(content: bytes) -> EnvelopePart:
    """The envelope's entry of the manifest."""
    return EnvelopePart(
        number=0, size_bytes=len(content), digest=sha256_digest(hashlib.sha256(content).digest())
    )


def envelope_part(part: Part) -> EnvelopePart:
    """The envelope's entry of a file."""
    return EnvelopePart(
        number=part.number, size_bytes=part.size_bytes, digest=sha256_digest(bytes.fromhex(part.sha256))
    )


def sha256_digest(value: bytes) -> Digest:
    """A SHA-256 with its algorithm."""
    return Digest(algorithm=DigestAlgorithm.DIGEST_ALGORITHM_SHA256, value=value)


def case_numbers(manifest: Manifest, key: DraftKey, own: Party.ValueType) -> list[PartyCaseNumber]:
    """The parties' case numbers: the draft's own first, then those of the case."""
    numbers = [(own, key.case_number)]
    for entry in manifest.case.numbers:
        party = _NUMBER_PARTY.get(entry.kind)
        if party is not None and (party, entry.number) not in numbers:
            numbers.append((party, entry.number))
    return [PartyCaseNumber(party=party, number=number) for party, number in numbers]


def supervision(manifest: Manifest, edition: Edition) -> SupervisionData:
    """What clocks and lifecycle at the hub need: random person ids, the events that the process carries, relations."""
    ids = {p.id: p.collaboration_person_id for p in manifest.persons if p.collaboration_person_id}
    stated = stated_events(manifest, edition.process(manifest.process_code), edition)
    return SupervisionData(
        person_ids=sorted(set(ids.values())), events=_events(stated, ids), relations=_relations(manifest, ids)
    )


def _events(stated: Iterable[StatedEvent], ids: Mapping[str, str]) -> Iterator[SupervisionEvent]:
    """One entry for all persons of whom the same is stated, so that the envelope of a large case stays small.

    What is stated of a person without an id, such as a witness, is no matter of supervision.
    """
    concerned: dict[tuple[StatedEvent, bool], list[str]] = {}
    for event in stated:
        if not event.person_id or event.person_id in ids:
            persons = concerned.setdefault((replace(event, person_id=""), bool(event.person_id)), [])
            persons += [ids[event.person_id]] if event.person_id else []
    for (event, _), persons in concerned.items():
        yield SupervisionEvent(
            kind=event.code,
            time=timestamp(event.time),
            person_ids=persons,
            last_day=event.last_day,
            length=event.length,
            approver=event.approver,
        )


def _relations(manifest: Manifest, ids: Mapping[str, str]) -> Iterator[SupervisionRelation]:
    for relation in manifest.case.relations:
        if moment := midnight(relation.decision_date):
            yield SupervisionRelation(
                kind=relation.kind,
                other_collaboration_case_id=relation.other_collaboration_case_id,
                time=timestamp(moment),
                person_ids=[ids[person] for person in relation.person_ids if person in ids],
                organ_code=relation.decided_by.code,
                document_number=relation.document_number,
            )
