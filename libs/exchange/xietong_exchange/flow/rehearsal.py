"""Rehearsal: which of the packages that this node sent would no longer leave under an edition that is to come.

The manifests are only here, so each sender rehearses by itself. One manifest at a time is in memory, and it is judged
in a thread: who waits for something else does not notice.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.rehearsal_pb2 import (
    RehearsalSummary,
    RehearsedPackage,
    RehearsedProcess,
    RehearsedRule,
    RehearseEditionResponse,
)
from xietong_exchange.domain.envelope import SealedPackage
from xietong_exchange.domain.errors import EditionNotSupported
from xietong_exchange.flow.exchange import Exchange, part_key, sealed
from xietong_exchange.flow.part_store import PartMissing
from xietong_exchange.flow.records import PackageRecord, PackageSearch
from xietong_exchange.flow.rulebook import Rulebook, described
from xietong_standard import Finding

USUAL_DAYS = 30
MOST_FINDINGS = 100
"""Of one package so many errors are told; their number always."""
PAGE_SIZE = 100


@dataclass(slots=True)
class _Tally:
    """What was found so far: as many numbers as there are processes and rules, however many packages."""

    checked: Counter[str] = field(default_factory=Counter)
    failing: Counter[str] = field(default_factory=Counter)
    unchecked: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)

    def take(self, process_code: str, new: list[Finding]) -> None:
        self.checked[process_code] += 1
        self.failing[process_code] += bool(new)
        self.rules.update({finding.rule for finding in new})

    def summary(self) -> RehearsalSummary:
        return RehearsalSummary(
            checked_count=self.checked.total(),
            failing_count=self.failing.total(),
            unchecked_count=self.unchecked.total(),
            processes=[
                RehearsedProcess(
                    process_code=code,
                    checked_count=self.checked[code],
                    failing_count=self.failing[code],
                    unchecked_count=self.unchecked[code],
                )
                for code in sorted(self.checked | self.unchecked)
            ],
            rules=[RehearsedRule(rule=rule, failing_count=self.rules[rule]) for rule in sorted(self.rules)],
        )


class Rehearsal:
    """Judges what was sent by another edition; rehearsals that run side by side take turns, package by package."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._turn = asyncio.Lock()

    async def run(self, edition: str, days: int) -> AsyncGenerator[RehearseEditionResponse, None]:
        """The packages of the last days (0: 30) that would fail, the newest first, then the summary.

        Raises:
            EditionNotSupported: the edition is neither read here nor on trial.
        """
        self._exchange.rules.rehearsable(edition)
        tally = _Tally()
        async with aclosing(self._sent(days or USUAL_DAYS)) as sent:
            async for record in sent:
                package = sealed(record)
                manifest = await self._manifest(record, package)
                if manifest is None:
                    tally.unchecked[record.process_code] += 1
                    continue
                async with self._turn:
                    await self._exchange.right_of_way.give_way()
                    new = await asyncio.to_thread(
                        new_errors, self._exchange.rules, manifest, package, edition
                    )
                tally.take(record.process_code, new)
                if new:
                    yield RehearseEditionResponse(package=_rehearsed(package, new))
        yield RehearseEditionResponse(summary=tally.summary())

    async def _sent(self, days: int) -> AsyncGenerator[PackageRecord, None]:
        since = self._exchange.clock() - timedelta(days=days)
        wanted, before = PackageSearch(sender=self._exchange.party, start_time=since), None
        while True:
            async with self._exchange.store.transaction() as tx:
                page = await tx.search.page(wanted, before=before, limit=PAGE_SIZE)
            for record in page.records:
                yield record
                before = record.position
            if not page.more:
                return

    async def _manifest(self, record: PackageRecord, package: SealedPackage) -> bytes | None:
        """The manifest as it was sent; None when it is no longer kept."""
        if record.contents_removed_time is not None:
            return None
        content = bytearray()
        try:
            async with aclosing(self._exchange.parts.read(part_key(package, 0))) as blocks:
                async for block in blocks:
                    content += block  # Bounded by the limit on manifests.
        except PartMissing:  # Its time came at this moment.
            return None
        return bytes(content)


def new_errors(rules: Rulebook, manifest: bytes, package: SealedPackage, edition: str) -> list[Finding]:
    """Errors under the edition that are none under the package's own."""
    read, envelope = Manifest.FromString(manifest), package.envelope
    errors = rules.rehearse(read, edition, envelope.sender, envelope.receiver).errors
    try:
        own = rules.rehearse(read, envelope.standard_edition, envelope.sender, envelope.receiver).errors
    except EditionNotSupported:  # It is gone from here; when the package left, there were none.
        own = ()
    known = {(finding.rule, finding.path) for finding in own}
    return [finding for finding in errors if (finding.rule, finding.path) not in known]


def _rehearsed(package: SealedPackage, new: list[Finding]) -> RehearsedPackage:
    envelope = package.envelope
    return RehearsedPackage(
        package_id=envelope.package_id,
        process_code=envelope.process_code,
        receiver=envelope.receiver,
        standard_edition=envelope.standard_edition,
        findings=map(described, new[:MOST_FINDINGS]),
        finding_count=len(new),
    )
