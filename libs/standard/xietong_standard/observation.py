"""What the hub can see: turns envelopes and evidence into the events of clocks and lifecycle, and nothing else.

Manifests are never read. A package without persons in its supervision part concerns everybody in the case.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from xietong.casefile.v1.case_pb2 import RelationKind as StatedKind
from xietong.exchange.v1.envelope_pb2 import Envelope, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement
from xietong_standard.clocks.events import Event, Moment
from xietong_standard.clocks.terms import read_day, read_length
from xietong_standard.lifecycle.relations import CaseNumbers, CaseRelation, RelationKind

# Evidence that clocks and lifecycle know. FAILED is left out: an operator may replay the package.
_MOMENTS = {
    EvidenceKind.EVIDENCE_KIND_SUBMITTED: Moment.SENT,
    EvidenceKind.EVIDENCE_KIND_DELIVERED: Moment.RECEIVED,
    EvidenceKind.EVIDENCE_KIND_ACCEPTED: Moment.ACCEPTED,
    EvidenceKind.EVIDENCE_KIND_RETURNED: Moment.RETURNED,
    EvidenceKind.EVIDENCE_KIND_REJECTED: Moment.REJECTED,
    EvidenceKind.EVIDENCE_KIND_WITHDRAWN: Moment.WITHDRAWN,
}

_RELATIONS = {
    StatedKind.RELATION_KIND_MERGED_INTO: RelationKind.MERGED_INTO,
    StatedKind.RELATION_KIND_SPLIT_FROM: RelationKind.SPLIT_FROM,
    StatedKind.RELATION_KIND_RELATED: RelationKind.RELATED,
    StatedKind.RELATION_KIND_SAME_INCIDENT: RelationKind.SAME_INCIDENT,
}


def observed_events(
    envelope: Envelope, statements: Iterable[Statement], persons: Container[str] | None = None
) -> tuple[Event, ...]:
    """The events of one package: the dated ones that its envelope states, and its moments by its evidence.

    Evidence of the sending stays with the sender's node; elsewhere the envelope tells it, which is made then.
    With `persons`, what concerns others is left out; what concerns everybody stays.
    """
    told = [
        (moment, _time(statement.event_time))
        for statement in statements
        if statement.package_id == envelope.package_id and (moment := _MOMENTS.get(statement.kind))
    ]
    if envelope.HasField("create_time") and all(moment is not Moment.SENT for moment, _ in told):
        told.append((Moment.SENT, _time(envelope.create_time)))
    return (
        *_dated(envelope, persons),
        *(event for moment, time in told for event in _moments(envelope, moment, time, persons)),
    )


def observed_numbers(
    numbers: CaseNumbers, envelope: Envelope, statements: Iterable[Statement]
) -> CaseNumbers:
    """The numbers of each party, with those that a package tells: the sender's and, when accepted, the receiver's."""
    case_id = envelope.collaboration_case_id
    for known in envelope.case_numbers:
        numbers = numbers.with_number(case_id, _party(known.party), known.number)
    for statement in statements:
        if statement.package_id == envelope.package_id and statement.receiver_case_number:
            numbers = numbers.with_number(
                case_id, _party(statement.stated_by), statement.receiver_case_number
            )
    return numbers


def observed_relations(envelope: Envelope) -> tuple[CaseRelation, ...]:
    """How the case of a package relates to others. A case that names itself, and a kind not known here, say nothing."""
    own = envelope.collaboration_case_id
    return tuple(
        CaseRelation(
            kind=_RELATIONS[stated.kind],
            case_id=own,
            other_id=stated.other_collaboration_case_id,
            time=_time(stated.time),
            persons=tuple(stated.person_ids),
            decided_by=stated.organ_code,
            document=stated.document_number,
        )
        for stated in envelope.supervision.relations
        if stated.kind in _RELATIONS and stated.other_collaboration_case_id != own
    )


def _concerned(named: Sequence[str], persons: Container[str] | None) -> Sequence[str]:
    """Whom to make an event for; one without a person is of everybody."""
    if not named:
        return ("",)
    return named if persons is None else [one for one in named if one in persons]


def _dated(envelope: Envelope, persons: Container[str] | None) -> Iterable[Event]:
    for stated in envelope.supervision.events:
        time, until, amount = _time(stated.time), read_day(stated.last_day), read_length(stated.length)
        for person_id in _concerned(stated.person_ids or envelope.supervision.person_ids, persons):
            yield Event(
                code=stated.kind,
                time=time,
                person_id=person_id,
                package_id=envelope.package_id,
                until=until,
                amount=amount,
                approver=stated.approver,
            )


def _moments(
    envelope: Envelope, moment: Moment, time: datetime, persons: Container[str] | None
) -> Iterable[Event]:
    place = envelope.sender if moment in (Moment.SENT, Moment.WITHDRAWN) else envelope.receiver
    party = _party(place.party)
    for person_id in _concerned(envelope.supervision.person_ids, persons):
        yield Event(
            code=envelope.process_code,
            time=time,
            moment=moment,
            party=party,
            person_id=person_id,
            package_id=envelope.package_id,
        )


def _party(party: Party.ValueType) -> str:
    return Party.Name(party).removeprefix("PARTY_")


def _time(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(tzinfo=UTC)
