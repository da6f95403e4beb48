"""The post of problem notes: each neighbour gets what it has to get, again and again until it says that it has it.

What has to be delivered stands with the note. Notes are few, so one task serves all neighbours, one after the other.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.problem_pb2 import ProblemNote
from xietong_exchange.domain.errors import Failure, PackageNotFound, RemoteRefusal, XietongError
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.domain.party import party_name
from xietong_exchange.flow.conversation import ErrorOf
from xietong_exchange.flow.exchange import Exchange
from xietong_exchange.flow.neighbours import Neighbours
from xietong_exchange.flow.problems import NoteRecord
from xietong_exchange.supervision.problem_desk import PROBLEMS, signed_note

log = logging.getLogger(__name__)

BATCH = 100
"""The contract's bound on one DeliverNotes call."""
AGAIN_SECONDS = 10.0
OVERTAKES = timedelta(hours=72)
"""So long a note may wait for the package that it is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemPost:
    """Delivers notes to the neighbours."""

    exchange: Exchange
    neighbours: Neighbours
    error_of: ErrorOf

    async def run(self) -> None:
        """Deliver until cancelled."""
        with self.exchange.changes.subscribe(PROBLEMS) as news:
            while True:
                for peer in sorted(self.exchange.routes.neighbours):
                    try:
                        await self.deliver(peer)
                    except (XietongError, RemoteRefusal) as error:
                        log.debug("notes for %s wait: %s", party_name(peer), error)
                await news.wait(AGAIN_SECONDS)

    async def deliver(self, peer: Party.ValueType) -> None:
        """Deliver the oldest notes for this neighbour. Raises its refusal, or why it could not be reached."""
        async with self.exchange.store.transaction() as tx:
            notes = await tx.problems.undelivered(peer, limit=BATCH)
        if not notes:
            return
        results = await self.neighbours.deliver_notes(peer, [signed_note(one) for one in notes])
        errors = [self.error_of(one.error) if one.HasField("error") else None for one in results]
        done = self._done(notes, errors)
        async with self.exchange.store.transaction() as tx:
            await tx.problems.delivered(done)

    def _done(self, notes: Sequence[NoteRecord], errors: Sequence[Failure | None]) -> list[str]:
        """What has not to be delivered again: what was taken, and what will never be."""
        done = []
        for note, error in zip(notes, errors, strict=False):
            if error is None or self._is_hopeless(note, error):
                done.append(note.note_id)
            if error is not None:
                log.warning("note %s was not taken: %s", note.note_id, error.reason_name())
        return done

    def _is_hopeless(self, note: NoteRecord, error: Failure) -> bool:
        if error.retryable:
            return False
        stated = ProblemNote.FromString(note.content).note_time
        is_old = stated.seconds < timestamp(self.exchange.clock() - OVERTAKES).seconds
        return is_old or error.reason_name() != PackageNotFound.reason_name()
