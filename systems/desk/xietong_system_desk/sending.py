"""The sending side of a desk: takes a case folder to its end; each step is on disk before the next begins."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from xietong.exchange.v1.draft_pb2 import Draft, DraftState, Finding, FindingSeverity
from xietong.exchange.v1.package_pb2 import Package
from xietong_client import (
    CaseFolder,
    CaseFolderInvalid,
    DraftSession,
    Node,
    NotFound,
    Phase,
    Progress,
    XietongClientError,
    contribute_folder,
    prepare_folder,
)
from xietong_client.files import measure
from xietong_system_desk.contributions import missing_contributions
from xietong_system_desk.folders import stamp_of
from xietong_system_desk.profile import DeskProfile
from xietong_system_desk.records import SendRecord, SendStage, SentPackage
from xietong_system_desk.replies import References, ReplyRule

POLL_SECONDS = 0.2
PROGRESS_SECONDS = 0.2
_REQUEST_NAMESPACE = uuid.UUID("8d0f6c1e-6a55-4bb1-9f3a-3f5a2c7d9e10")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends case folders, or contributes to them what is this system's."""

    node: Node
    profile: DeskProfile
    rule: ReplyRule

    def is_due(self, folder: Path) -> bool:
        """Whether there is something to do: the folder is not done, or was edited after it was refused."""
        record = SendRecord.read(folder)
        if record.stage is SendStage.REFUSED:
            return record.stamp != stamp_of(folder)
        return not record.is_done

    async def send(self, folder: Path) -> None:
        """Takes one case folder as far as it goes. Raises XietongClientError that is transient."""
        job = _Job(folder, await asyncio.to_thread(SendRecord.read, folder))
        try:
            await self._send(job)
        except CaseFolderInvalid as error:
            job.refuse(error, _problems(error))
        except XietongClientError as error:
            if error.is_transient:
                raise
            job.refuse(error, _violations(error))

    async def _send(self, job: _Job) -> None:
        if job.record.stage is SendStage.REFUSED:
            job.record = SendRecord(job.folder.name)
        if job.record.packages:
            await self._watch(job)
            return
        await asyncio.to_thread(job.begin)
        case = await asyncio.to_thread(CaseFolder.load, job.folder)
        job.record.process = case.key.process_code
        if not self.profile.submits:
            await self._contribute(job, case)
            return
        draft = await self._prepared(job, case)
        if draft is not None:
            packages = await draft.submit(job.record.request_id)
            job.sent(packages)
            await self._watch(job)

    async def _prepared(self, job: _Job, case: CaseFolder) -> DraftSession | None:
        """The draft, ready to submit; None when it is not to be submitted (any more, or as it is)."""
        if job.record.request_id:
            return self.node.draft(case.key, case.actor)
        references = await self._references(job, case)
        if references is None:
            return None
        draft = await self._filled(job, case, references)
        if not await _passes(draft, job):
            return None
        job.submitting(_request_id(job.folder, await draft.get()))
        return draft

    async def _references(self, job: _Job, case: CaseFolder) -> References | None:
        """What the package answers or corrects, once it is there; None when the folder changes meanwhile."""
        while (references := self.rule.references_of(case)) is None:
            job.waits_for([case.in_reply_to or case.corrects])
            await asyncio.sleep(POLL_SECONDS)
            if not await asyncio.to_thread(job.is_unchanged):
                return None
        return references

    async def _filled(self, job: _Job, case: CaseFolder, references: References) -> DraftSession:
        """The draft with all that the folder lists, from this system and from the others."""
        draft = await prepare_folder(
            self.node,
            case,
            on_progress=job.on_progress,
            only_own=True,
            correlation_id=references.correlation_id,
            corrects=references.corrects,
            collaboration_case_id=references.collaboration_case_id,
        )
        digests = await _digests(case) if case.corrects else {}
        while missing := missing_contributions(case, await draft.get(), digests):
            job.waits_for(missing)
            await asyncio.sleep(POLL_SECONDS)
        return draft

    async def _contribute(self, job: _Job, case: CaseFolder) -> None:
        """Adds what is this system's; another system submits."""
        draft = await self._draft_for_contribution(job, case)
        was_there = job.record.stage is SendStage.BEGUN and _holds(draft, case, self.profile.system)
        if was_there and draft.draft_id != job.record.previous_draft_id:
            # A restart hit the moment after the contribution, and the other system has submitted it since.
            job.finish(SendStage.CONTRIBUTED)
            return
        job.record.previous_draft_id = draft.draft_id
        job.step(SendStage.BEGUN)
        await contribute_folder(self.node, case, on_progress=job.on_progress)
        job.finish(SendStage.CONTRIBUTED)

    async def _draft_for_contribution(self, job: _Job, case: CaseFolder) -> Draft:
        """The draft as it is before the contribution. A correction is contributed to once it was opened."""
        session = self.node.draft(case.key, case.actor)
        while True:
            try:
                draft = await session.get()
            except NotFound:
                draft = Draft()
            if not case.corrects or _is_open_correction(draft):
                return draft
            job.waits_for([case.corrects])
            await asyncio.sleep(POLL_SECONDS)

    async def _watch(self, job: _Job) -> None:
        """Follows the packages until the receiver has decided, and keeps the result up to date."""

        async def follow(index: int, package_id: str) -> None:
            async with aclosing(self.node.watch(package_id)) as changes:
                async for package in changes:
                    job.record.packages[index] = SentPackage.of(package)
                    job.save()

        open_ones = [(i, p.package_id) for i, p in enumerate(job.record.packages) if not p.final]
        await asyncio.gather(*(follow(index, package_id) for index, package_id in open_ones))


@dataclass(slots=True)
class _Job:
    """A case folder in work, and its record on disk."""

    folder: Path
    record: SendRecord
    _next_save: float = field(default=0.0)

    def begin(self) -> None:
        self.record.stamp = stamp_of(self.folder)
        self.record.begin_time = self.record.begin_time or datetime.now(UTC).isoformat(
            timespec="milliseconds"
        )

    def is_unchanged(self) -> bool:
        return self.record.stamp == stamp_of(self.folder)

    def step(self, stage: SendStage) -> None:
        if self.record.stage is not stage:
            _LOG.info("%s: %s", self.folder.name, stage)
        self.record.stage = stage
        self.save()

    def waits_for(self, missing: list[str]) -> None:
        if (self.record.stage, self.record.missing) != (SendStage.WAITING, missing):
            self.record.missing = missing
            self.step(SendStage.WAITING)

    def submitting(self, request_id: str) -> None:
        self.record.missing = []
        self.record.request_id = request_id
        self.step(SendStage.SUBMITTING)

    def sent(self, packages: Iterable[Package]) -> None:
        self.record.packages = [SentPackage.of(package) for package in packages]
        self.step(SendStage.SENT)

    def finish(self, stage: SendStage) -> None:
        self.record.missing = []
        self.step(stage)

    def refuse(self, error: XietongClientError, violations: list[dict[str, str]]) -> None:
        _LOG.warning("%s: %s", self.folder.name, error.reason)
        self.record.request_id = ""
        self.record.error = {
            "reason": error.reason,
            "text_zh": f"{error.text.zh}{error.remedy.zh}",
            "text_en": " ".join(filter(None, (error.text.en, error.remedy.en))),
            "violations": violations,
            "incident_id": error.incident_id,
        }
        self.finish(SendStage.REFUSED)

    def on_progress(self, progress: Progress) -> None:
        """Keeps the bytes of the upload in the record, at most every 0.2 s."""
        if progress.phase is not Phase.UPLOAD:
            return
        self.record.uploaded_bytes, self.record.total_bytes = progress.done_bytes, progress.total_bytes
        now = time.monotonic()
        if now >= self._next_save or progress.done_bytes == progress.total_bytes:
            self._next_save = now + PROGRESS_SECONDS
            self.save()

    def save(self) -> None:
        self.record.write(self.folder)


async def _passes(draft: DraftSession, job: _Job) -> bool:
    """Runs pre-flight and keeps its findings; False when the package may not leave."""
    findings: list[Finding] = []
    summary = await draft.preflight(findings.append)
    job.record.findings = [
        {
            "rule": finding.rule,
            "severity": FindingSeverity.Name(finding.severity).removeprefix("FINDING_SEVERITY_"),
            "path": finding.path,
            "text_zh": finding.text_zh,
            "text_en": finding.text_en,
        }
        for finding in findings
    ]
    if summary.error_count:
        job.finish(SendStage.REFUSED)
    return not summary.error_count


def _request_id(folder: Path, draft: Draft) -> str:
    """The same for the same content of the same folder in the same draft, so that a repeated send is the same one."""
    digest = hashlib.sha256(draft.header.SerializeToString(deterministic=True))
    for contribution in draft.contributions:
        digest.update(contribution.SerializeToString(deterministic=True))
    return str(uuid.uuid5(_REQUEST_NAMESPACE, f"{folder.name}/{draft.draft_id}/{digest.hexdigest()}"))


async def _digests(case: CaseFolder) -> Mapping[str, str]:
    files = {name: path for contribution in case.contributions for name, path in contribution.files.items()}
    return {name: (await measure(name, path)).sha256 for name, path in files.items()}


def _holds(draft: Draft, case: CaseFolder, system: str) -> bool:
    wanted = {(c.system, c.name) for c in case.contributions if c.system == system}
    return wanted <= {(c.system, c.name) for c in draft.contributions}


def _is_open_correction(draft: Draft) -> bool:
    return draft.state == DraftState.DRAFT_STATE_OPEN and bool(draft.header.corrects_package_id)


def _problems(error: CaseFolderInvalid) -> list[dict[str, str]]:
    return [
        {"path": f"{p.file}:{p.line} {p.field}".strip(), "text_zh": p.text.zh, "text_en": p.text.en}
        for p in error.problems
    ]


def _violations(error: XietongClientError) -> list[dict[str, str]]:
    return [
        {"path": v.path, "rule": v.rule, "text_zh": v.text.zh, "text_en": v.text.en} for v in error.violations
    ]
