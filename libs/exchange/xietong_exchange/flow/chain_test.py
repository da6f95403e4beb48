"""Test packages: sent by operators, answered by the receiver's node, to see that each hop of the chain works."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime

from xietong.casefile.v1.manifest_pb2 import Manifest, Part, PartKind
from xietong.exchange.v1.envelope_pb2 import Address, Classification, Envelope, Party, SignedEnvelope
from xietong.exchange.v1.evidence_pb2 import EvidenceKind
from xietong.exchange.v1.package_pb2 import DeliveryState, Direction
from xietong_exchange.domain.chain_test import ANSWERED_BY, TEST_PROCESS
from xietong_exchange.domain.envelope import SealedPackage, open_envelope
from xietong_exchange.domain.evidence import Event, stage, timestamp
from xietong_exchange.domain.identity import Identity
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.evidence import EvidenceDesk
from xietong_exchange.flow.exchange import Exchange, part_key
from xietong_exchange.flow.intake import new_record
from xietong_exchange.flow.records import OperationRecord, PackageRecord
from xietong_exchange.flow.sealing import envelope_part, manifest_part
from xietong_exchange.flow.tracing import current_trace

FILE_BYTES = 4096
"""Of random content: what a neighbour has already would not travel."""


@dataclass(frozen=True, slots=True)
class ChainTest:
    """Sends test packages."""

    exchange: Exchange
    desk: EvidenceDesk

    async def send(self, receiver: Party.ValueType, request_id: str, caller: Identity) -> PackageRecord:
        """Put a test package on its way; the same request again is the same package.

        Raises:
            RouteNotFound, ReceiverNotAllowed, StorageFull.
        """
        start = self.exchange.clock()
        sender, to = (Address(party=party, system=ANSWERED_BY) for party in (self.exchange.party, receiver))
        self.exchange.routes.next_hop(receiver)
        self.exchange.rules.require_permission("", TEST_PROCESS, sender, to)
        package_id = str(uuid.uuid5(uuid.UUID(request_id), party_name(receiver)))
        async with self.exchange.store.transaction() as tx:
            known = await tx.packages.get(package_id)
        return known or await self._send(sender, to, package_id, start, caller)

    async def _send(
        self, sender: Address, to: Address, package_id: str, start: datetime, caller: Identity
    ) -> PackageRecord:
        file = self.exchange.entropy(FILE_BYTES)
        manifest = _manifest(self.exchange.rules.editions[-1], file)
        content = manifest.SerializeToString(deterministic=True)
        package = self._seal(
            Envelope(
                package_id=package_id,
                send_id=self.exchange.new_id(),
                process_code=TEST_PROCESS,
                standard_edition=manifest.standard_edition,
                sender=sender,
                receiver=to,
                collaboration_case_id=self.exchange.new_id(),
                classification=Classification.CLASSIFICATION_UNCLASSIFIED,
                create_time=timestamp(start),
                parts=[manifest_part(content), *map(envelope_part, manifest.parts)],
                trace_context=current_trace(self.exchange.entropy),
            )
        )
        for number, each in enumerate((content, file)):
            await self._keep(package, number, each)
        return await self._record(package, start, caller)

    def _seal(self, envelope: Envelope) -> SealedPackage:
        raw = envelope.SerializeToString()
        signed = SignedEnvelope(envelope=raw, signature=self.exchange.notary.sign("Envelope", raw))
        return open_envelope(signed, self.exchange.limits)

    async def _keep(self, package: SealedPackage, number: int, content: bytes) -> None:
        with self.exchange.space.promise(self.exchange.party, len(content)):
            await self.exchange.parts.put(part_key(package, number), content)

    async def _record(self, package: SealedPackage, start: datetime, caller: Identity) -> PackageRecord:
        now = self.exchange.clock()
        record = new_record(
            package,
            direction=Direction.DIRECTION_OUTGOING,
            state=DeliveryState.DELIVERY_STATE_SUBMITTED,
            complete=True,
            now=now,
        )
        submitted = Event(
            kind=EvidenceKind.EVIDENCE_KIND_SUBMITTED,
            time=now,
            system=ANSWERED_BY,
            stages=[stage("intake", start, now)],
        )
        done = OperationRecord(
            operation="send_test_package",
            caller=caller.path,
            package_id=package.package_id,
            note=party_name(record.receiver),
            time=now,
        )
        async with self.exchange.store.transaction() as tx:
            if await self.desk.state_first(tx, record, submitted, package.lane) is None:
                return (
                    await tx.packages.get(package.package_id) or record
                )  # another click was faster just now
            await tx.operations.append(done)
        self.desk.announce(record)
        return record


def _manifest(edition: str, file: bytes) -> Manifest:
    part = Part(
        number=1,
        name="test.bin",
        kind=PartKind.PART_KIND_OTHER,
        media_type="application/octet-stream",
        size_bytes=len(file),
        sha256=hashlib.sha256(file).hexdigest(),
    )
    return Manifest(process_code=TEST_PROCESS, standard_edition=edition, parts=[part])
