"""The data standard as the exchange uses it: who may send what to whom, and the verdict on a manifest."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.draft_pb2 import Finding, FindingSeverity
from xietong.exchange.v1.envelope_pb2 import Address, Party
from xietong_exchange.domain.chain_test import is_test
from xietong_exchange.domain.errors import (
    EditionNotSupported,
    ReceiverNotAllowed,
    SenderNotAllowed,
    UnknownProcess,
)
from xietong_exchange.domain.party import party_name
from xietong_standard import DEFAULT_PAGE_TOLERANCE, RULES, Edition, Endpoint, Severity, Verdict, validate
from xietong_standard import Finding as StandardFinding
from xietong_standard.checks import completeness
from xietong_standard.lifecycle import Position

SENDER_RULE = "XT-PRC-03"
RECEIVER_RULE = "XT-PRC-04"
_SEVERITIES = {
    Severity.ERROR: FindingSeverity.FINDING_SEVERITY_ERROR,
    Severity.WARNING: FindingSeverity.FINDING_SEVERITY_WARNING,
}
_SPEAKS_OF_THE_EDITION = (
    completeness.FIELD,
    completeness.FIELD_OF_PERSON,
    completeness.DOCUMENT,
    completeness.DOCUMENT_OF_PERSON,
    completeness.VOLUME,
    completeness.MEDIA_REQUIRED,
)
"""Rules whose texts name processes, fields and documents of the edition; of the case no more than a person's id."""
_PLACEHOLDER, _LEFT_OUT = re.compile(r"\{[a-z_]+\}"), "…"


class Rulebook:
    """The editions that this node reads, the newest last, and by how many pages the counts of a package may differ."""

    def __init__(
        self,
        editions: Sequence[Edition],
        *,
        on_trial: Sequence[Edition] = (),
        page_tolerance: int = DEFAULT_PAGE_TOLERANCE,
    ) -> None:
        """`on_trial` are editions that are there and not read yet: neither advertised nor chosen, only rehearsed."""
        self._editions = {edition.id: edition for edition in editions}
        self._rehearsable = self._editions | {edition.id: edition for edition in on_trial}
        self._page_tolerance = page_tolerance

    @property
    def editions(self) -> list[str]:
        """Identifiers of the editions, the newest last."""
        return list(self._editions)

    @property
    def longest_lead(self) -> timedelta:
        """No clock of these editions warns longer than this before its end."""
        return max(edition.clocks.longest_lead for edition in self._editions.values())

    def edition(self, edition_id: str) -> Edition:
        """The edition with this identifier, the newest for an empty one. Raises EditionNotSupported."""
        found = self._editions.get(edition_id or self.editions[-1])
        if found is None:
            raise EditionNotSupported(edition=edition_id, known=", ".join(self._editions))
        return found

    def rehearsable(self, edition_id: str) -> Edition:
        """The edition with this identifier, also one on trial. Raises EditionNotSupported."""
        found = self._rehearsable.get(edition_id)
        if found is None:
            raise EditionNotSupported(edition=edition_id, known=", ".join(self._rehearsable))
        return found

    def choose(self, wanted: str, readers: Sequence[Collection[str]], today: date) -> Edition:
        """The edition wanted; when none is, the newest in force that this node and all readers read, else its newest.

        Args:
            wanted: as the draft says, or empty.
            readers: editions that the nodes on the way read, as far as that is known.
            today: the day in China; an edition that takes effect later may be there already.

        Raises:
            EditionNotSupported: this node does not read the edition that is wanted.
        """
        begun = [one.id for one in self._editions.values() if one.effective_date <= today] or self.editions
        shared = (name for name in reversed(begun) if all(name in read for read in readers))
        return self.edition(wanted or next(shared, begun[-1]))

    def require_process(self, edition_id: str, process_code: str) -> None:
        """Raise UnknownProcess unless the edition has the process."""
        edition = self.edition(edition_id)
        if process_code not in edition.processes:
            raise UnknownProcess(process=process_code, edition=edition.id)

    def require_permission(
        self, edition_id: str, process_code: str, sender: Address, receiver: Address
    ) -> None:
        """Raise unless the standard lets the sender send this process to the receiver.

        Raises:
            EditionNotSupported, UnknownProcess, SenderNotAllowed, ReceiverNotAllowed.
        """
        if is_test(process_code):  # Of no edition: it must go between nodes that read different ones.
            if receiver.party == Party.PARTY_HUB:
                raise ReceiverNotAllowed(party=party_name(receiver.party), process=process_code)
            return
        self.require_process(edition_id, process_code)
        permission = self.edition(edition_id).may_send(process_code, _endpoint(sender), _endpoint(receiver))
        if permission:
            return
        if permission.rule == SENDER_RULE:
            raise SenderNotAllowed(party=party_name(sender.party), process=process_code)
        if permission.rule == RECEIVER_RULE:
            raise ReceiverNotAllowed(party=party_name(receiver.party), process=process_code)
        raise UnknownProcess(process=process_code, edition=edition_id)

    def judge(
        self,
        manifest: Manifest,
        edition_id: str,
        sender: Address,
        receiver: Address,
        positions: Mapping[str, Position] | None = None,
    ) -> Verdict:
        """The verdict on a manifest for one receiver; `positions` as in `validate`. Raises EditionNotSupported."""
        return self._judge(manifest, self.edition(edition_id), sender, receiver, positions)

    def rehearse(self, manifest: Manifest, edition_id: str, sender: Address, receiver: Address) -> Verdict:
        """The verdict as if the manifest were of this edition, also one on trial. Raises EditionNotSupported."""
        posed = Manifest()
        posed.CopyFrom(manifest)
        posed.standard_edition = edition_id
        return self._judge(posed, self.rehearsable(edition_id), sender, receiver, None)

    def _judge(
        self,
        manifest: Manifest,
        edition: Edition,
        sender: Address,
        receiver: Address,
        positions: Mapping[str, Position] | None,
    ) -> Verdict:
        return validate(
            manifest,
            manifest.process_code,
            edition,
            sender=_endpoint(sender),
            receiver=_endpoint(receiver),
            positions=positions,
            page_tolerance=self._page_tolerance,
        )


def described(found: StandardFinding) -> Finding:
    """A finding with the texts of its rule alone: what the case says stays out, but for the path.

    What an edition asks for by its own words, a field or a document that is missing, is still named.
    """
    rule = RULES[found.rule]
    if rule in _SPEAKS_OF_THE_EDITION:
        return _finding(found)
    texts = (rule.text.zh, rule.text.en, rule.remedy.zh, rule.remedy.en)
    zh, en, remedy_zh, remedy_en = (_PLACEHOLDER.sub(_LEFT_OUT, text) for text in texts)
    return _finding(replace(found, zh=zh, en=en, remedy_zh=remedy_zh, remedy_en=remedy_en))


def findings_of(verdict: Verdict) -> Iterator[Finding]:
    """A verdict as the contract carries it, made one by one: there may be thousands."""
    return map(_finding, verdict.findings)


def _finding(found: StandardFinding) -> Finding:
    return Finding(
        rule=found.rule,
        severity=_SEVERITIES[found.severity],
        path=found.path,
        text_zh=f"{found.zh}；{found.remedy_zh}",
        text_en=f"{found.en}; {found.remedy_en}",
        basis=found.basis,
    )


def _endpoint(address: Address) -> Endpoint:
    return Endpoint(Party.Name(address.party).removeprefix("PARTY_"), address.system)
