"""The verdict on a manifest: all checks, in one order, over one edition.

Pure: the same manifest, process, edition and endpoints always give the same verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong_standard.checks import (
    attachments,
    codes,
    completeness,
    contract,
    dates,
    identity,
    pages,
    persons,
    routing,
    stage,
)
from xietong_standard.checks.submission import Submission
from xietong_standard.lifecycle.engine import Position
from xietong_standard.model import Edition, Endpoint
from xietong_standard.verdict import Verdict

# The order in which a sender reads the findings: may it be sent, is it well formed, is it complete, is it
# right, is it the time for it.
_CHECKS = (routing, contract, completeness, codes, attachments, persons, identity, pages, dates, stage)

# Every rule by its code.
RULES = MappingProxyType({rule.code: rule for check in _CHECKS for rule in check.RULES})


def validate(
    manifest: Manifest,
    process_code: str,
    edition: Edition,
    *,
    sender: Endpoint | str,
    receiver: Endpoint | str,
    positions: Mapping[str, Position] | None = None,
) -> Verdict:
    """The whole verdict on a manifest that `sender` wants to send to `receiver` under `process_code`.

    `positions` says where persons stand in the procedure, by collaboration person id, as far as the caller knows.

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
    )
    findings = tuple(finding for check in _CHECKS for finding in check.check(submission))
    return Verdict(process_code, edition.id, findings)
