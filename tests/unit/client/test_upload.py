"""Contributing: files are measured, uploaded once, and go on where the node stands after a break."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from tests.unit.client.failures import details, fail
from tests.unit.client.fake_node import MIB, Context, FakeNode, serving

from xietong.casefile.v1.manifest_pb2 import Manifest, Part, PartKind
from xietong.exchange.v1.draft_pb2 import DraftHeader, DraftKey
from xietong.exchange.v1.envelope_pb2 import Address, Party
from xietong.exchange.v1.evidence_pb2 import Actor
from xietong.exchange.v1.gateway_drafts_pb2 import (
    SubmitRequest,
    SubmitResponse,
    UploadPartRequest,
    UploadPartResponse,
)
from xietong_client import ContentInvalid, FileChanged, Node, Phase, Progress, Refused, Unreachable
from xietong_client import files as client_files
from xietong_client.packages import envelope_of


def manifest_of(*names: str) -> Manifest:
    kind = PartKind.PART_KIND_DOCUMENT
    return Manifest(parts=[Part(name=name, kind=kind, media_type="application/pdf") for name in names])


def write_file(folder: Path, name: str, size_bytes: int) -> Path:
    path = folder / name
    path.write_bytes(os.urandom(size_bytes))
    return path


async def test_a_broken_upload_goes_on_where_the_node_stands(
    node: Node, fake: FakeNode, key: DraftKey, tmp_path: Path
) -> None:
    fake.upload_breaks = [3 * MIB, 2 * MIB]
    path = write_file(tmp_path, "讯问录像.mp4", 9 * MIB + 17)
    await node.draft(key).contribute("media", manifest_of(path.name), {path.name: path})
    assert fake.need_offsets == [0, 3 * MIB, 5 * MIB]
    assert fake.uploaded_bytes == 9 * MIB + 17  # no byte twice
    [content] = fake.contents.values()
    assert bytes(content) == path.read_bytes()


class BusyNode(FakeNode):
    """Has as many uploads as it takes when the first ones come."""

    refusals = 2

    async def UploadPart(
        self, requests: AsyncIterator[UploadPartRequest], context: Context
    ) -> AsyncIterator[UploadPartResponse]:
        if self.refusals:
            self.refusals -= 1
            why = details("TOO_MANY_TRANSFERS", limit="64")
            await fail(context, grpc.StatusCode.RESOURCE_EXHAUSTED, "busy", why)
        async for answer in super().UploadPart(requests, context):
            yield answer


async def test_an_upload_waits_for_a_place_at_a_busy_node(
    key: DraftKey, actor: Actor, tmp_path: Path
) -> None:
    path, fake = write_file(tmp_path, "a.pdf", 1000), BusyNode()
    async with serving(fake) as address, Node(grpc.aio.insecure_channel(address), actor=actor) as node:
        await node.draft(key).contribute("case-data", manifest_of("a.pdf"), {"a.pdf": path})
    assert fake.refusals == 0
    assert fake.uploaded_bytes == 1000


@pytest.mark.parametrize(("window", "chunk"), [(4 * MIB, MIB), (300_000, MIB), (2 * MIB, 100_000)])
async def test_never_more_than_the_credit_window_is_under_way(
    node: Node, fake: FakeNode, key: DraftKey, tmp_path: Path, window: int, chunk: int
) -> None:
    node.info.capabilities.limits.credit_window_bytes = fake.limits.credit_window_bytes = window
    node.info.capabilities.limits.max_chunk_bytes = fake.limits.max_chunk_bytes = chunk
    fake.limits.credit_window_bytes = (
        window // chunk * chunk or window
    )  # whole chunks, or it would wait for ever
    path = write_file(tmp_path, "a.pdf", 6 * MIB)
    await node.draft(key).contribute("media", manifest_of("a.pdf"), {"a.pdf": path})
    assert fake.most_ahead_bytes <= window
    assert max(fake.chunk_sizes) <= min(chunk, window)


async def test_the_fragment_gets_size_and_digest_and_the_callers_copy_stays(
    node: Node, fake: FakeNode, key: DraftKey, tmp_path: Path
) -> None:
    path = write_file(tmp_path, "a.pdf", 1000)
    fragment = manifest_of("a.pdf")
    await node.draft(key).contribute("case-data", fragment, {"a.pdf": path})
    [contribution] = (await node.draft(key).get()).contributions
    [part] = contribution.fragment.parts
    assert (part.size_bytes, part.sha256) == (1000, hashlib.sha256(path.read_bytes()).hexdigest())
    assert fragment == manifest_of("a.pdf")


async def test_what_the_node_holds_is_not_uploaded_again(
    node: Node, fake: FakeNode, key: DraftKey, tmp_path: Path
) -> None:
    paths = {"a.pdf": write_file(tmp_path, "a.pdf", 1000), "b.pdf": write_file(tmp_path, "b.pdf", 0)}
    paths["b.pdf"].write_bytes(paths["a.pdf"].read_bytes())
    await node.draft(key).contribute("case-data", manifest_of("a.pdf", "b.pdf"), paths)
    await node.draft(key).contribute("case-data", manifest_of("a.pdf", "b.pdf"), paths)
    assert fake.uploaded_bytes == 1000


async def test_an_empty_file_is_stored(node: Node, fake: FakeNode, key: DraftKey, tmp_path: Path) -> None:
    path = write_file(tmp_path, "空.txt", 0)
    await node.draft(key).contribute("case-data", manifest_of("空.txt"), {"空.txt": path})
    assert list(fake.contents) == [hashlib.sha256(b"").digest()]


async def test_progress_counts_each_phase_to_its_end(node: Node, key: DraftKey, tmp_path: Path) -> None:
    paths = {name: write_file(tmp_path, name, MIB + 1) for name in ("a.pdf", "b.pdf")}
    seen: list[Progress] = []
    await node.draft(key).contribute("case-data", manifest_of(*paths), paths, on_progress=seen.append)
    for phase in (Phase.HASH, Phase.UPLOAD):
        reports = [progress for progress in seen if progress.phase is phase]
        assert reports[-1].done_bytes == reports[-1].total_bytes == 2 * (MIB + 1)
        assert [r.done_bytes for r in reports] == sorted(r.done_bytes for r in reports)


async def test_a_file_that_changes_while_it_is_sent_is_named(
    node: Node, fake: FakeNode, key: DraftKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_file(tmp_path, "a.pdf", 3 * MIB)

    async def measure_then_change(
        name: str, file: Path, on_position: object = None
    ) -> client_files.LocalFile:
        measured = await client_files.measure(name, file)
        file.write_bytes(os.urandom(3 * MIB))
        return measured

    monkeypatch.setattr("xietong_client.draft.measure", measure_then_change)
    with pytest.raises(FileChanged, match=r"a\.pdf") as caught:
        await node.draft(key).contribute("case-data", manifest_of("a.pdf"), {"a.pdf": path})
    assert "改动" in caught.value.message_zh


async def test_a_file_that_shrinks_is_named(
    node: Node, key: DraftKey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_file(tmp_path, "a.pdf", 3 * MIB)
    longer = client_files.LocalFile("a.pdf", path, 5 * MIB, "0" * 64)

    async def claim_longer(*_: object) -> client_files.LocalFile:
        return longer

    monkeypatch.setattr("xietong_client.draft.measure", claim_longer)
    with pytest.raises(FileChanged):
        await node.draft(key).contribute("case-data", manifest_of("a.pdf"), {"a.pdf": path})


async def test_a_part_without_a_file_is_refused_before_anything_leaves(
    node: Node, fake: FakeNode, key: DraftKey
) -> None:
    with pytest.raises(ContentInvalid, match=r"a\.pdf") as caught:
        await node.draft(key).contribute("case-data", manifest_of("a.pdf"))
    assert caught.value.reason == "FILE_MISSING"
    assert not fake.open_drafts


async def test_an_upload_that_never_gets_anywhere_ends(
    node: Node, fake: FakeNode, key: DraftKey, tmp_path: Path
) -> None:
    draft = node.draft(key)
    draft._route = dataclasses.replace(draft._route, patience_seconds=0.0)
    fake.upload_breaks = [0] * 100
    path = write_file(tmp_path, "a.pdf", MIB)
    with pytest.raises(Unreachable):
        await draft.contribute("case-data", manifest_of("a.pdf"), {"a.pdf": path})
    assert len(fake.need_offsets) == 1


async def test_one_draft_is_one_trace(node: Node, fake: FakeNode, key: DraftKey) -> None:
    draft = node.draft(key)
    await draft.open(DraftHeader(receivers=[Address(party=Party.PARTY_PROCURATORATE)]))
    await draft.contribute("case-data", Manifest())
    await draft.submit()
    seen = {traceparent for calls in fake.traceparents.values() for traceparent in calls}
    assert set(fake.traceparents) == {"OpenDraft", "Contribute", "Submit"}
    assert {traceparent.split("-")[1] for traceparent in seen} == {draft.trace_id}


class Crowded(FakeNode):
    """A node whose answer has room for one envelope."""

    async def Submit(self, request: SubmitRequest, context: Context) -> SubmitResponse:
        answer = SubmitResponse.FromString((await super().Submit(request, context)).SerializeToString())
        for package in answer.packages[1:]:
            package.ClearField("envelope")
        return answer


async def test_a_submit_to_many_returns_every_envelope(key: DraftKey, actor: Actor) -> None:
    receivers = [Address(party=Party.PARTY_COURT), Address(party=Party.PARTY_JUSTICE)]
    async with (
        serving(Crowded()) as address,
        Node(grpc.aio.insecure_channel(address), actor=actor) as node,
    ):
        draft = node.draft(key)
        await draft.open(DraftHeader(receivers=receivers))
        await draft.contribute("case-data", Manifest())
        sent = await draft.submit()
    assert len({package.package_id for package in sent}) == len(receivers)
    assert all(envelope_of(package).package_id == package.package_id for package in sent)


async def test_a_refused_submit_carries_the_nodes_words(node: Node, fake: FakeNode, key: DraftKey) -> None:
    fake.submit_error = (
        grpc.StatusCode.FAILED_PRECONDITION,
        "no route to prison; ask the operators to configure it",
        details("ROUTE_NOT_FOUND", "没有到监狱的路由；请联系运维配置"),
    )
    with pytest.raises(Refused) as caught:
        await node.draft(key).submit()
    assert caught.value.reason == "ROUTE_NOT_FOUND"
    assert "请联系运维" in caught.value.message_zh
