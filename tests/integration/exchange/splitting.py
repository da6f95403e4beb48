"""A case that is split off from another one, as the police send it."""

from __future__ import annotations

from tests.integration.exchange.city import Agency, draft_key, manifest_for

from xietong.casefile.v1.case_pb2 import RelationKind
from xietong.exchange.v1.envelope_pb2 import Envelope
from xietong.exchange.v1.package_pb2 import Package


def envelope_of(package: Package) -> Envelope:
    return Envelope.FromString(package.envelope.envelope)


async def split_off(police: Agency, package: Package, case_number: str) -> tuple[Package, str]:
    """One person whom a package names goes on in a case of this number; its package, and the person's id."""
    before = envelope_of(package)
    manifest = manifest_for(before.process_code, {})
    moving, known = manifest.persons[0], before.supervision.person_ids[0]
    moving.collaboration_person_id = known
    manifest.case.relations.add(
        kind=RelationKind.RELATION_KIND_SPLIT_FROM,
        other_collaboration_case_id=before.collaboration_case_id,
        decision_date="2026-03-05",
        person_ids=[moving.id],
    )
    key = draft_key(before.process_code, case_number)
    await police.contribute(key, manifest, {})
    await police.open(key, before.receiver.party)
    return (await police.submit(key)).packages[0], known
