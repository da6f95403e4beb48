"""The neighbouring nodes over gRPC: a channel per lane, so that large media don't hold up small packages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import grpc

from xietong.exchange.v1.capabilities_pb2 import Capabilities
from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import Evidence
from xietong.exchange.v1.problem_pb2 import SignedProblemNote
from xietong.exchange.v1.transfer_service_pb2 import (
    DeliverEvidenceRequest,
    DeliverNotesRequest,
    EvidenceResult,
    GetCapabilitiesRequest,
    NoteResult,
)
from xietong.exchange.v1.transfer_service_pb2_grpc import TransferServiceStub
from xietong_exchange.adapters.rpc.client import call
from xietong_exchange.adapters.rpc.tls import TlsFiles
from xietong_exchange.adapters.rpc.transfer_stream import SharedStream, TransferLine
from xietong_exchange.domain.errors import Failure, NodeUnreachable, RemoteRefusal, RouteNotFound
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.neighbours import Contact

EVIDENCE_SECONDS = 20.0
CAPABILITIES_SECONDS = 5.0
CAPABILITIES_FRESH_SECONDS = 10.0
"""Short, because a limit that was changed at the receiver is known at its senders after two such times."""
CONNECT_SECONDS = 10.0
RETIRED_SECONDS = 600.0
"""How long a transfer may go on over a channel that was replaced; it then resumes over the new one."""
MAX_MESSAGE_BYTES = 32 << 20
"""A draft with the largest manifest fits, and a chunk that is too large is refused with its reason, not by gRPC."""
SETTLED = frozenset(
    {
        grpc.ChannelConnectivity.READY,
        grpc.ChannelConnectivity.TRANSIENT_FAILURE,
        grpc.ChannelConnectivity.SHUTDOWN,
    }
)
"""States of a channel that is not just connecting."""
CHANNEL_OPTIONS = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),  # this one counts: gRPC 1.85 never applies the one above
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),  # otherwise keepalive all but stops on a quiet connection
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 5_000),
)


@dataclass(slots=True)
class _Neighbour:
    address: str
    contact: Contact = field(default_factory=Contact)
    asked_at: float | None = None
    """When it last told what it can do, on the loop's clock; None: not yet, or that is outdated."""


class GrpcNeighbours:
    """The port `flow.neighbours.Neighbours` over gRPC."""

    def __init__(self, addresses: Mapping[Party.ValueType, str], tls: TlsFiles, trust_domain: str) -> None:
        self._neighbours = {party: _Neighbour(address) for party, address in addresses.items()}
        self._tls = tls
        self._trust_domain = trust_domain
        self._channels: dict[tuple[Party.ValueType, Lane.ValueType], grpc.aio.Channel] = {}
        self._streams: dict[tuple[Party.ValueType, Lane.ValueType], list[SharedStream]] = {}
        self._retiring: set[asyncio.Task[None]] = set()

    async def capabilities(self, party: Party.ValueType) -> Capabilities:
        """What the neighbour can do; asked again when the answer is older than ten seconds."""
        neighbour = self._neighbour(party)
        contact = neighbour.contact
        if contact.capabilities is not None and contact.reachable and _is_fresh(neighbour.asked_at):
            return contact.capabilities
        stub = self._stub(party, Lane.LANE_EVIDENCE)
        try:
            answer = await call(
                stub.GetCapabilities, GetCapabilitiesRequest(), party=party, timeout=CAPABILITIES_SECONDS
            )
        except (NodeUnreachable, RemoteRefusal) as error:
            self._lost(party, Lane.LANE_EVIDENCE, error)
            raise
        neighbour.asked_at = asyncio.get_running_loop().time()
        neighbour.contact = Contact(
            reachable=True,
            last_contact_time=datetime.now(UTC),
            capabilities=answer.capabilities,
            beyond=tuple(answer.beyond),
        )
        return answer.capabilities

    def distrust(self, party: Party.ValueType) -> None:
        """Ask the neighbour again what it can do before the next use."""
        self._neighbour(party).asked_at = None

    async def connect(self, party: Party.ValueType, lane: Lane.ValueType) -> None:
        """Wait until the neighbour has answered and the connection of this lane stands."""
        await self.capabilities(party)
        if not await _stands(self._channel(party, lane)):
            error = NodeUnreachable(party=party_name(party))
            self._lost(party, lane, error)
            raise error

    @asynccontextmanager
    async def transfer(self, party: Party.ValueType, lane: Lane.ValueType) -> AsyncIterator[TransferLine]:
        """Begin a transfer in an open stream of this lane's channel, or in a new one when none has a place."""
        stream = self._stream(party, lane)
        try:
            async with stream.transfer() as line:
                yield line
        except NodeUnreachable as error:
            await self._drop(party, lane, stream)
            self._lost(party, lane, error)
            raise

    def _stream(self, party: Party.ValueType, lane: Lane.ValueType) -> SharedStream:
        streams = self._streams.setdefault((party, lane), [])
        streams[:] = [stream for stream in streams if not stream.is_over]
        found = next((stream for stream in streams if stream.has_place), None)
        if found is None:
            known = self._neighbour(party).contact.capabilities
            places = known.limits.max_transfers_per_stream if known is not None else 0
            found = SharedStream(self._channel(party, lane), party, places or 1)
            streams.append(found)
        return found

    async def _drop(self, party: Party.ValueType, lane: Lane.ValueType, stream: SharedStream) -> None:
        """A stream whose connection failed takes no more transfers; those that are in it still may find that out."""
        streams = self._streams.get((party, lane), [])
        if stream in streams:
            streams.remove(stream)
        if stream.is_idle:
            await stream.close()
        else:
            self._retire(stream.ended())

    async def deliver_evidence(
        self, party: Party.ValueType, evidence: Sequence[Evidence]
    ) -> Sequence[EvidenceResult]:
        """Deliver at most 100 pieces; one result for each."""
        stub = self._stub(party, Lane.LANE_EVIDENCE)
        request = DeliverEvidenceRequest(evidence=evidence)
        try:
            answer = await call(stub.DeliverEvidence, request, party=party, timeout=EVIDENCE_SECONDS)
        except NodeUnreachable as error:
            self._lost(party, Lane.LANE_EVIDENCE, error)
            raise
        neighbour = self._neighbour(party)
        neighbour.contact = replace(
            neighbour.contact, reachable=True, last_contact_time=datetime.now(UTC), error=None
        )
        return answer.results

    async def deliver_notes(
        self, party: Party.ValueType, notes: Sequence[SignedProblemNote]
    ) -> Sequence[NoteResult]:
        """Deliver at most 100 notes; one result for each."""
        stub, request = self._stub(party, Lane.LANE_EVIDENCE), DeliverNotesRequest(notes=notes)
        return (await call(stub.DeliverNotes, request, party=party, timeout=EVIDENCE_SECONDS)).results

    def contact(self, party: Party.ValueType) -> Contact:
        """What is known of the neighbour without asking it."""
        return self._neighbour(party).contact

    async def close(self) -> None:
        """Close all channels."""
        streams, self._streams = [one for many in self._streams.values() for one in many], {}
        for stream in streams:
            await stream.close()
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            await channel.close()
        for task in self._retiring:
            task.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)

    def _lost(self, party: Party.ValueType, lane: Lane.ValueType, error: Failure) -> None:
        """Note why; the next try dials anew: a dead connection may take bytes for long, a certificate be renewed."""
        if isinstance(error, NodeUnreachable) and (channel := self._channels.pop((party, lane), None)):
            self._retire(channel.close(RETIRED_SECONDS))
        neighbour = self._neighbour(party)
        neighbour.contact = replace(neighbour.contact, reachable=False, error=error)

    def _neighbour(self, party: Party.ValueType) -> _Neighbour:
        found = self._neighbours.get(party)
        if found is None:
            raise RouteNotFound(party=party_name(party))
        return found

    def _stub(self, party: Party.ValueType, lane: Lane.ValueType) -> TransferServiceStub:
        return TransferServiceStub(self._channel(party, lane))

    def _channel(self, party: Party.ValueType, lane: Lane.ValueType) -> grpc.aio.Channel:
        address = self._neighbour(party).address
        channel = self._channels.get((party, lane))
        if channel is None:
            name = ("grpc.ssl_target_name_override", f"{party_name(party)}.{self._trust_domain}")
            channel = grpc.aio.secure_channel(
                address, self._tls.channel_credentials(), options=(*CHANNEL_OPTIONS, name)
            )
            self._channels[party, lane] = channel
        return channel

    def _retire(self, ending: Coroutine[Any, Any, None]) -> None:
        """Let something end when what it carries is done."""
        task = asyncio.create_task(ending)
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


def _is_fresh(asked_at: float | None) -> bool:
    return asked_at is not None and asyncio.get_running_loop().time() - asked_at < CAPABILITIES_FRESH_SECONDS


async def _stands(channel: grpc.aio.Channel) -> bool:
    """Whether the channel has a connection, now or after one attempt."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            while (state := channel.get_state(try_to_connect=True)) not in SETTLED:
                await channel.wait_for_state_change(state)
    except TimeoutError:
        return False
    return state is grpc.ChannelConnectivity.READY
