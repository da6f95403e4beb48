"""The verdict on a manifest: all checks, in one order, over one edition.

Pure: the same manifest, process, edition and endpoints always give the same verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong_standard.checks import (
    ages,
    attachments,
    case,
    characters,
    codes,
    completeness,
    contract,
    dates,
    decisions,
    defence,
    documents,
    identity,
    measures,
    media,
    numbers,
    pages,
    people,
    persons,
    properties,
    roles,
    routing,
    sentences,
    stage,
    volumes,
)
from xietong_standard.checks.submission import Submission
from xietong_standard.lifecycle.engine import Position
from xietong_standard.model import Edition, Endpoint
from xietong_standard.verdict import Finding, Verdict

# The order in which a sender reads the findings: may it be sent, is it well formed, is it complete, is it
# right, is it the time for it.
CHECKS = (
    routing,
    contract,
    characters,
    completeness,
    codes,
    attachments,
    persons,
    identity,
    people,
    ages,
    roles,
    defence,
    case,
    numbers,
    documents,
    volumes,
    pages,
    media,
    dates,
    measures,
    decisions,
    sentences,
    properties,
    stage,
)

# Every rule by its code.
RULES = MappingProxyType({rule.code: rule for check in CHECKS for rule in check.RULES})


def findings(
    manifest: Manifest,
    process_code: str,
    edition: Edition,
    *,
    sender: Endpoint | str,
    receiver: Endpoint | str,
    positions: Mapping[str, Position] | None = None,
    page_tolerance: int = pages.DEFAULT_PAGE_TOLERANCE,
) -> Iterator[Finding]:
    """What is wrong with a manifest that `sender` wants to send to `receiver`, one finding after the other.

    Each is given as soon as it is found, in the order of the checks, and none is kept: a caller that streams them needs
    no memory for a manifest of many mistakes. `positions` says where persons stand in the procedure, by collaboration
    person id, as far as the caller knows; `page_tolerance` by how many pages a count may differ, since covers and
    catalogues are often not numbered.

    Never raises for what a manifest or a process code may hold: everything that is wrong is a finding.
    """
    submission = Submission(
        manifest=manifest,
        process_code=process_code,
        process=edition.processes.get(process_code),
        edition=edition,
        sender=Endpoint.of(sender),
        receiver=Endpoint.of(receiver),
        positions=positions or {},
        page_tolerance=page_tolerance,
    )
    for check in CHECKS:
        yield from check.check(submission)


def validate(
    manifest: Manifest,
    process_code: str,
    edition: Edition,
    *,
    sender: Endpoint | str,
    receiver: Endpoint | str,
    positions: Mapping[str, Position] | None = None,
    page_tolerance: int = pages.DEFAULT_PAGE_TOLERANCE,
) -> Verdict:
    """The whole verdict: all `findings` together."""
    found = findings(
        manifest,
        process_code,
        edition,
        sender=sender,
        receiver=receiver,
        positions=positions,
        page_tolerance=page_tolerance,
    )
    return Verdict(process_code, edition.id, tuple(found))
