"""Admission: what a node checks before it takes the first byte of an offered package."""

from __future__ import annotations

from datetime import UTC

from xietong.exchange.v1.envelope_pb2 import Party, SignedEnvelope
from xietong_exchange.domain.chain_test import MAX_TEST_BYTES, is_test
from xietong_exchange.domain.envelope import SealedPackage, open_envelope
from xietong_exchange.domain.errors import EnvelopeInvalid, RouteNotFound, SenderMismatch
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.exchange import Exchange


class Admission:
    """Rights and limits at the door of `TransferService`."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def admit(self, signed: SignedEnvelope, peer: Party.ValueType) -> SealedPackage:
        """The package, when this neighbour may bring it.

        Raises:
            EnvelopeInvalid, ClassifiedRefused, PackageTooLarge: the envelope itself.
            SignatureInvalid, SenderMismatch: who sealed it and who brings it.
            RouteNotFound: it does not belong here.
            EditionNotSupported, UnknownProcess, SenderNotAllowed, ReceiverNotAllowed: the data standard.
        """
        package = open_envelope(signed, self._exchange.limits)
        envelope = package.envelope
        sealed_at = envelope.create_time.ToDatetime(tzinfo=UTC)
        signer = self._exchange.notary.verify("Envelope", package.raw, package.signature, signed_at=sealed_at)
        self._require_sender(envelope.sender.party, signer, peer)
        self._require_route(envelope.receiver.party)
        if is_test(envelope.process_code) and package.size_bytes > MAX_TEST_BYTES:
            raise EnvelopeInvalid(why=f"a test package has at most {MAX_TEST_BYTES:,} bytes")
        self._exchange.rules.require_permission(
            envelope.standard_edition, envelope.process_code, envelope.sender, envelope.receiver
        )
        return package

    def _require_sender(
        self, sender: Party.ValueType, signer: Party.ValueType, peer: Party.ValueType
    ) -> None:
        if signer != sender:
            raise SenderMismatch(party=party_name(sender), peer=party_name(signer))
        if sender == self._exchange.party or self._exchange.routes.next_hop(sender) != peer:
            raise SenderMismatch(party=party_name(sender), peer=party_name(peer))

    def _require_route(self, receiver: Party.ValueType) -> None:
        if receiver == self._exchange.party:
            return
        if not self._exchange.profile.relays:
            raise RouteNotFound(party=party_name(receiver))
        self._exchange.routes.next_hop(receiver)
