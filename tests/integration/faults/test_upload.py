"""An upload that breaks off goes on where it was, also when it was the node that died."""

from __future__ import annotations

import grpc
import pytest
from tests.integration.exchange.city import Agency, digest, draft_key, manifest_for
from tests.integration.faults.proof import arrives_once
from tests.integration.faults.town import (
    FILE,
    MIB,
    POLICE,
    PROCESS,
    PROCURATORATE,
    Town,
    case_number,
    content_of,
)

from xietong.exchange.v1.draft_pb2 import DraftKey
from xietong.exchange.v1.gateway_drafts_pb2 import (
    UploadChunk,
    UploadHeader,
    UploadPartRequest,
    UploadPartResponse,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

CHUNKS = 8


@pytest.mark.parametrize("killed", [False, True], ids=["the client gives up", "the node is killed"])
async def test_an_upload_is_resumed(town: Town, killed: bool) -> None:
    content, key = content_of(CHUNKS * MIB), draft_key(PROCESS, case_number())
    police = await town.police()
    await police.open(key, PROCURATORATE)
    await _upload(police, key, content, until=CHUNKS // 2)
    if killed:
        await town.kill(POLICE)
        await town.start(POLICE)
        police = await town.police()

    offset = await _upload(police, key, content, until=CHUNKS)

    assert offset == CHUNKS // 2 * MIB
    files = {FILE: content}  # the upload that the contribution repeats finds everything there
    await police.contribute(key, manifest_for(PROCESS, files), files)
    submitted = await police.submit(key)
    await arrives_once(town, submitted.packages[0].package_id, content)


async def _upload(police: Agency, key: DraftKey, content: bytes, *, until: int) -> int:
    """Upload from where the node wants it to so many chunks, then leave; returns where it wanted it."""
    call = police.gateway.UploadPart()
    header = UploadHeader(key=key, size_bytes=len(content), digest=digest(content))
    await call.write(UploadPartRequest(header=header))
    begin = (await _next(call)).need.offset
    for offset in range(begin, until * MIB, MIB):
        chunk = UploadChunk(offset=offset, data=content[offset : offset + MIB])
        await call.write(UploadPartRequest(chunk=chunk))
        assert (await _next(call)).progress.written_bytes == offset + MIB
    if until * MIB == len(content):
        assert (await _next(call)).HasField("stored")
    call.cancel()
    return int(begin)


async def _next(call: grpc.aio.StreamStreamCall[UploadPartRequest, UploadPartResponse]) -> UploadPartResponse:
    answer = await call.read()
    assert isinstance(answer, UploadPartResponse), "the node ended the upload"
    return answer
