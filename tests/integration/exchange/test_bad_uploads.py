"""Bad input from the sender's systems: contents that are missing, truncated, too long, wrong or out of order."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import grpc
import pytest
from tests.integration.exchange.city import ACTOR, Agency, content_of, digest, draft_key, manifest_for
from tests.integration.exchange.refusals import Refused, read_error, refusal
from tests.integration.exchange.shared_city import (
    BOUND_SECONDS,
    HASTY,
    PROCESS,
    CityUnderAttack,
    case_number,
    holdings,
    nothing_changes,
)

from xietong.exchange.v1.draft_pb2 import Contribution, DraftKey, DraftPart
from xietong.exchange.v1.envelope_pb2 import Digest, DigestAlgorithm, Party
from xietong.exchange.v1.gateway_drafts_pb2 import (
    ContributeRequest,
    DiscardDraftRequest,
    GetDraftRequest,
    UploadChunk,
    UploadHeader,
    UploadPartRequest,
    UploadPartResponse,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1 << 20
KEY = draft_key(PROCESS, case_number())
_fresh = itertools.count(1)


def content(size: int) -> bytes:
    """Bytes that no other test has uploaded."""
    seed = hashlib.sha256(f"content {next(_fresh)}".encode()).digest()
    return (seed * (size // len(seed) + 1))[:size]


def header(size: int, wanted: Digest, key: DraftKey = KEY) -> UploadPartRequest:
    return UploadPartRequest(header=UploadHeader(key=key, size_bytes=size, digest=wanted))


def chunk(offset: int, data: bytes) -> UploadPartRequest:
    return UploadPartRequest(chunk=UploadChunk(offset=offset, data=data))


@dataclass
class Upload:
    """One upload, frame by frame. Every wait has a bound."""

    call: grpc.aio.StreamStreamCall[UploadPartRequest, UploadPartResponse]

    async def say(self, *frames: UploadPartRequest) -> None:
        async with asyncio.timeout(BOUND_SECONDS):
            for frame in frames:
                await self.call.write(frame)

    async def hear(self, kind: str) -> UploadPartResponse:
        """The next answer of this kind. Raises AioRpcError when the node refuses."""
        async with asyncio.timeout(BOUND_SECONDS):
            while isinstance(answer := await self.call.read(), UploadPartResponse):
                if answer.WhichOneof("frame") == kind:
                    return answer
        await self.end()
        raise AssertionError(f"the upload ended without {kind}")

    async def end(self) -> None:
        """Say no more; raises AioRpcError when the node ends it with an error."""
        async with asyncio.timeout(BOUND_SECONDS):
            await self.call.done_writing()
            while isinstance(await self.call.read(), UploadPartResponse):
                pass
            if await self.call.code() is not grpc.StatusCode.OK:
                await anext(aiter(self.call))


@asynccontextmanager
async def upload(agency: Agency) -> AsyncIterator[Upload]:
    """An upload that breaks off where the block ends."""
    call = agency.gateway.UploadPart()
    try:
        yield Upload(call)
    finally:
        call.cancel()


async def refused(agency: Agency, *frames: UploadPartRequest) -> Refused:
    """What an upload of exactly these frames is refused with."""

    async def said() -> AsyncIterator[UploadPartRequest]:
        for frame in frames:
            yield frame

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in agency.gateway.UploadPart(said(), timeout=BOUND_SECONDS):
            pass
    return read_error(caught.value)


def wrong_frames() -> dict[str, tuple[list[UploadPartRequest], str, dict[str, str]]]:
    """Frames, the reason of their refusal, and facts that the caller needs to mend it."""
    good = content(3 * MIB)
    first, wanted = good[:MIB], digest(good)
    size = len(good)
    tested = header(size, wanted)
    sm3 = Digest(algorithm=DigestAlgorithm.DIGEST_ALGORITHM_SM3, value=wanted.value)
    short = Digest(algorithm=DigestAlgorithm.DIGEST_ALGORITHM_SHA256, value=b"short")
    order, beyond = "CHUNK_OUT_OF_ORDER", "CHUNK_BEYOND_SIZE"
    return {
        "nothing at all": ([], "PROTOCOL_VIOLATION", {}),
        "a chunk before the header": ([chunk(0, first)], "PROTOCOL_VIOLATION", {}),
        "a second header": ([tested, tested], "PROTOCOL_VIOLATION", {}),
        "an empty frame": ([tested, UploadPartRequest()], "INVALID_FIELD", {}),
        "an empty chunk": ([tested, chunk(0, b"")], "PROTOCOL_VIOLATION", {}),
        "a gap": ([tested, chunk(MIB, first)], order, {"offset": str(MIB), "expected": "0"}),
        "a repetition": ([tested, chunk(0, first), chunk(0, first)], order, {"expected": str(MIB)}),
        "an offset beyond all numbers": ([tested, chunk(2**64 - 1, b"x")], order, {"offset": str(2**64 - 1)}),
        "a chunk too large": ([tested, chunk(0, good[: MIB + 1])], "FRAME_TOO_LARGE", {"limit": str(MIB)}),
        "a chunk far too large": (
            [tested, chunk(0, bytes(9 * MIB))],
            "FRAME_TOO_LARGE",
            {"size": str(9 * MIB)},
        ),
        "more than announced": (
            [header(10, wanted), chunk(0, b"x" * 11)],
            beyond,
            {"end": "11", "size": "10"},
        ),
        "more than a package holds": (
            [header(200 << 30, wanted)],
            "PACKAGE_TOO_LARGE",
            {"limit": str(100 << 30)},
        ),
        "another algorithm": ([header(size, sm3)], "INVALID_FIELD", {"violation_count": "1"}),
        "a digest of five bytes": ([header(size, short)], "INVALID_FIELD", {"violation_count": "1"}),
        "no key": ([UploadPartRequest(header=UploadHeader(digest=wanted))], "INVALID_FIELD", {}),
        "nothing, of some digest": ([header(0, wanted)], "DIGEST_MISMATCH", {"digest": wanted.value.hex()}),
    }


async def test_frames_that_break_the_contract(steadfast: CityUnderAttack, subtests: pytest.Subtests) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    await police.open(KEY, Party.PARTY_PROCURATORATE)
    for name, (frames, reason, facts) in wrong_frames().items():
        with subtests.test(name):
            async with nothing_changes(steadfast, Party.PARTY_POLICE):
                told = await refused(police, *frames)
            assert told.reason == reason
            assert facts.items() <= told.facts.items()


@dataclass
class Missing:
    """A draft that is complete but for the content of its document."""

    agency: Agency
    key: DraftKey
    content: bytes

    async def document(self) -> DraftPart:
        draft = (await self.agency.gateway.GetDraft(GetDraftRequest(key=self.key))).draft
        return next(part for part in draft.parts if part.name == "document-0.pdf")

    async def require_incomplete(self) -> None:
        told = await refusal(self.agency.submit(self.key))
        assert (told.reason, told.facts["what"]) == ("PART_INCOMPLETE", "file document-0.pdf")
        assert not (await self.document()).complete

    async def require_sent(self) -> None:
        document = await self.document()
        assert (document.received_bytes, document.complete) == (len(self.content), True)
        assert (await self.agency.submit(self.key)).packages


async def draft_without(agency: Agency, missing: bytes) -> Missing:
    """A draft whose document has this content, which nobody has uploaded yet."""
    key = draft_key(PROCESS, case_number())
    fragment = manifest_for(PROCESS, {})
    content_of(fragment, {"document-0.pdf": missing})
    contribution = Contribution(name="case-data", fragment=fragment)
    await agency.gateway.Contribute(ContributeRequest(key=key, contribution=contribution, actor=ACTOR))
    await agency.upload(key, content_of(fragment, {"document-0.pdf": missing})["photo.jpg"])
    await agency.open(key, Party.PARTY_PROCURATORATE)
    return Missing(agency, key, missing)


async def test_a_missing_part_keeps_the_draft_here_until_it_comes(steadfast: CityUnderAttack) -> None:
    draft = await draft_without(await steadfast.agency(Party.PARTY_POLICE, "case-handling"), content(MIB))
    async with nothing_changes(steadfast):
        await draft.require_incomplete()
    await draft.agency.upload(draft.key, draft.content)
    await draft.require_sent()


async def test_a_truncated_part_is_incomplete_and_resumes_where_it_ended(steadfast: CityUnderAttack) -> None:
    draft = await draft_without(await steadfast.agency(Party.PARTY_POLICE, "case-handling"), content(3 * MIB))
    announced = header(len(draft.content), digest(draft.content), draft.key)
    async with nothing_changes(steadfast):
        told = await refused(draft.agency, announced, chunk(0, draft.content[:MIB]))
        assert told.reason == "PROTOCOL_VIOLATION"
        assert "resume" in told.text_en
        await draft.require_incomplete()
    assert (await draft.document()).received_bytes == MIB
    async with upload(draft.agency) as again:
        await again.say(announced)
        assert (await again.hear("need")).need.offset == MIB
        await again.say(chunk(MIB, draft.content[MIB : 2 * MIB]), chunk(2 * MIB, draft.content[2 * MIB :]))
        await again.hear("stored")
    await draft.require_sent()


async def test_an_upload_that_breaks_off_resumes_over_another_connection(steadfast: CityUnderAttack) -> None:
    draft = await draft_without(await steadfast.agency(Party.PARTY_POLICE, "case-handling"), content(2 * MIB))
    announced = header(len(draft.content), digest(draft.content), draft.key)
    async with nothing_changes(steadfast):
        async with upload(draft.agency) as broken:
            await broken.say(announced, chunk(0, draft.content[:MIB]))
            assert (await broken.hear("progress")).progress.written_bytes == MIB
        await draft.require_incomplete()
    archive = await steadfast.agency(Party.PARTY_POLICE, "evidence-archive")
    async with upload(archive) as again:
        await again.say(announced)
        assert (await again.hear("need")).need.offset == MIB
        await again.say(chunk(MIB, draft.content[MIB:]))
        await again.hear("stored")
    await draft.require_sent()


async def test_bytes_of_another_digest_are_dropped_and_the_right_ones_taken(
    steadfast: CityUnderAttack,
) -> None:
    draft = await draft_without(await steadfast.agency(Party.PARTY_POLICE, "case-handling"), content(MIB))
    announced = header(len(draft.content), digest(draft.content), draft.key)
    other = bytes(len(draft.content))
    async with nothing_changes(steadfast):
        told = await refused(draft.agency, announced, chunk(0, other))
        assert (told.reason, told.code) == ("DIGEST_MISMATCH", "ABORTED")
        assert told.facts["digest"] == hashlib.sha256(draft.content).hexdigest()
        await draft.require_incomplete()
    assert (await draft.document()).received_bytes == 0
    await draft.agency.upload(draft.key, draft.content)
    await draft.require_sent()


async def test_wrong_bytes_before_a_break_cost_a_repetition_and_nothing_else(
    steadfast: CityUnderAttack,
) -> None:
    draft = await draft_without(await steadfast.agency(Party.PARTY_POLICE, "case-handling"), content(2 * MIB))
    announced = header(len(draft.content), digest(draft.content), draft.key)
    async with upload(draft.agency) as broken:
        await broken.say(announced, chunk(0, bytes(MIB)))
        await broken.hear("progress")
    told = await refused(draft.agency, announced, chunk(MIB, draft.content[MIB:]))
    assert told.reason == "DIGEST_MISMATCH"
    await draft.agency.upload(draft.key, draft.content)
    await draft.require_sent()


async def test_a_content_that_is_here_with_another_size_is_not_announced_anew(
    steadfast: CityUnderAttack,
) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    known = content(1000)
    await police.open(KEY, Party.PARTY_PROCURATORATE)
    await police.upload(KEY, known)
    async with nothing_changes(steadfast):
        told = await refused(police, header(2000, digest(known)), chunk(0, bytes(2000)))
    assert told.reason == "CHUNK_BEYOND_SIZE"
    assert (told.facts["end"], told.facts["size"]) == ("2000", "1000")


async def test_the_same_content_from_two_connections_at_once_is_stored_once(
    steadfast: CityUnderAttack,
) -> None:
    systems = ("case-handling", "evidence-archive")
    agencies = [await steadfast.agency(Party.PARTY_POLICE, system) for system in systems]
    draft = await draft_without(agencies[0], content(4 * MIB))
    before = await holdings(steadfast, Party.PARTY_POLICE)
    async with asyncio.timeout(BOUND_SECONDS):
        await asyncio.gather(*(agency.upload(draft.key, draft.content) for agency in agencies))
    after = await holdings(steadfast, Party.PARTY_POLICE)
    assert after.parts - before.parts == {f"police/{hashlib.sha256(draft.content).hexdigest()}"}
    await draft.require_sent()


async def test_an_upload_for_no_draft_is_refused(steadfast: CityUnderAttack) -> None:
    police = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    key = draft_key(PROCESS, case_number())
    async with nothing_changes(steadfast, Party.PARTY_POLICE):
        told = await refused(police, header(3, digest(b"abc"), key))
    assert told.reason == "DRAFT_NOT_FOUND"
    assert key.case_number in told.facts["key"]


async def discard(draft: Missing) -> None:
    await draft.agency.gateway.DiscardDraft(DiscardDraftRequest(key=draft.key, actor=ACTOR))


def stored(data: bytes) -> str:
    return f"police/{hashlib.sha256(data).hexdigest()}"


async def test_a_discarded_draft_takes_its_contents_along(steadfast: CityUnderAttack) -> None:
    agency = await steadfast.agency(Party.PARTY_POLICE, "case-handling")
    alone, in_another, sent = content(1000), content(1000), content(1000)
    other = await draft_without(agency, in_another)
    await agency.upload(other.key, in_another)
    submitted = await draft_without(agency, sent)
    await agency.upload(submitted.key, sent)
    await submitted.require_sent()
    for shared in (alone, in_another, sent):
        draft = await draft_without(agency, shared)
        await agency.upload(draft.key, shared)
        await discard(draft)
        await discard(draft)  # one that is gone stays gone
    async with steadfast.changed(Party.PARTY_POLICE, retention=HASTY):
        await until_removed(steadfast, alone)
        held = (await holdings(steadfast, Party.PARTY_POLICE)).parts
        assert [stored(one) in held for one in (in_another, sent)] == [True, True]
    await replace(other, agency=await steadfast.agency(Party.PARTY_POLICE, "case-handling")).require_sent()


async def test_a_content_that_comes_after_its_draft_was_discarded_is_not_kept(
    steadfast: CityUnderAttack,
) -> None:
    draft = await draft_without(await steadfast.agency(Party.PARTY_POLICE, "case-handling"), content(2 * MIB))
    announced = header(len(draft.content), digest(draft.content), draft.key)
    async with upload(draft.agency) as under_way:
        await under_way.say(announced, chunk(0, draft.content[:MIB]))
        await under_way.hear("progress")
        await discard(draft)
        await under_way.say(chunk(MIB, draft.content[MIB:]))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await under_way.hear("stored")
    assert read_error(caught.value).reason == "DRAFT_NOT_FOUND"
    async with steadfast.changed(Party.PARTY_POLICE, retention=HASTY):
        await until_removed(steadfast, draft.content)


async def until_removed(city: CityUnderAttack, data: bytes) -> None:
    async with asyncio.timeout(BOUND_SECONDS):
        while stored(data) in (await holdings(city, Party.PARTY_POLICE)).parts:
            await asyncio.sleep(0.02)
