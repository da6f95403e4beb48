"""What a process says beside what its package must hold, for people, for the hub's clocks and for statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from xietong_standard.paths import FieldPath
from xietong_standard.text import Text


class Content(StrEnum):
    """What a business system brings to a package."""

    DATA = "DATA"
    DOCUMENTS = "DOCUMENTS"
    VOLUMES = "VOLUMES"
    MEDIA = "MEDIA"


class ClockVerb(StrEnum):
    """What a process does to a clock (办案期限). `stops`: what the clock waits for is done, or has become pointless."""

    STARTS = "starts"
    STOPS = "stops"
    RESTARTS = "restarts"
    SUSPENDS = "suspends"
    RESUMES = "resumes"
    EXTENDS = "extends"


@dataclass(frozen=True, slots=True)
class BusinessSystem:
    """A business system of a party, by the name of its certificate. `planned`: it is to be connected later."""

    id: str
    party: str
    name: Text
    planned: bool
    provenance: tuple[str, ...]
    note: Text | None


@dataclass(frozen=True, slots=True)
class Contribution:
    """What a system usually brings to a process; its node's profile decides what it may."""

    system: BusinessSystem
    contents: tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class KeyField:
    """What the business asks of a process in its own words, and where the manifest has it.

    Without a path there is no place for it yet, which makes the process incomplete.
    """

    name: Text
    paths: tuple[FieldPath, ...]


@dataclass(frozen=True, slots=True)
class Supervision:
    """What the envelope's supervision part must carry: persons of these roles, and these dated events of theirs."""

    persons: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Carrier:
    """How the contract itself carries a technical process: a kind of evidence, or a field of the envelope."""

    evidence: str = ""
    envelope: str = ""


@dataclass(frozen=True, slots=True)
class CodeTable:
    """A code table in one version. `exhaustive`: another value is wrong, not merely unusual.

    `standard` names the standard whose codes it has, such as `GB/T 3304`; `later_codes` are those that only later
    versions of the table have.
    """

    id: str
    version: str
    name: Text
    source: Text
    provenance: tuple[str, ...]
    exhaustive: bool
    codes: Mapping[str, Text]
    standard: str = ""
    later_codes: frozenset[str] = frozenset()

    def names(self) -> frozenset[str]:
        """The Chinese names, which manifests carry."""
        return frozenset(text.zh for text in self.codes.values())


@dataclass(frozen=True, slots=True)
class Round:
    """Processes that lawfully answer each other in turn, such as return and resubmission."""

    processes: tuple[str, ...]
    note: Text
