"""Sends a case folder: opens the draft, contributes what the folder holds, and submits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

from xietong.casefile.v1.manifest_pb2 import Manifest, Part
from xietong.exchange.v1.draft_pb2 import Draft, DraftHeader
from xietong.exchange.v1.envelope_pb2 import Address, Party
from xietong.exchange.v1.evidence_pb2 import Actor
from xietong.exchange.v1.package_pb2 import Package
from xietong_client.case_folder import CaseFolder, FolderContribution
from xietong_client.draft import DraftSession
from xietong_client.errors import ContentInvalid, SettingsInvalid
from xietong_client.labels import party_by_name, party_name
from xietong_client.node import Node
from xietong_client.progress import ProgressListener
from xietong_client.text import Text


class SendOptions(TypedDict, total=False):
    """What the caller says beyond the folder, as keyword arguments.

    Attributes:
        to: Receivers instead of those of the folder: addresses, or names of parties.
        correlation_id: The package that this one answers.
        corrects: The returned package that this one corrects; only what the folder holds is replaced.
        collaboration_case_id: The case across all parties, where the caller knows it and the package answers nothing.
        only_own: Contribute only what the folder gives to the caller's own system, because the other systems
            contribute theirs. By default the caller contributes everything, as its own.
        actor: Who is responsible, instead of the actor of the folder.
    """

    to: Sequence[Address | str]
    correlation_id: str
    corrects: str
    collaboration_case_id: str
    only_own: bool
    actor: Actor | None


async def send_folder(
    node: Node,
    folder: str | Path | CaseFolder,
    *,
    on_progress: ProgressListener | None = None,
    **options: Unpack[SendOptions],
) -> list[Package]:
    """Sends a case folder; returns one package per receiver. From then on they are never lost.

    Called again after any break it goes on where it stopped. Raises CaseFolderInvalid before anything leaves,
    or what the node answers, for example ContentInvalid with PREFLIGHT_FAILED.
    """
    draft = await prepare_folder(node, folder, on_progress=on_progress, **options)
    return await draft.submit()


async def prepare_folder(
    node: Node,
    folder: str | Path | CaseFolder,
    *,
    on_progress: ProgressListener | None = None,
    **options: Unpack[SendOptions],
) -> DraftSession:
    """Opens the draft and contributes, as `send_folder` does, but does not submit: for a pre-flight."""
    case = await _load(folder)
    _check_sender(case, node)
    _check_references(case, options)
    draft = node.draft(case.key, options.get("actor") or case.actor)
    chosen = _chosen(case, node.info.system if options.get("only_own") else "")
    while True:
        # Opened first: what is wrong with process, receiver or route shows before any byte is uploaded.
        opened = await draft.open(_header(case, options))
        filled = await _contribute(draft, case, chosen, _fragments(opened, node.info.system), on_progress)
        if filled.draft_id == opened.draft_id:
            return draft
        # Another click has sent the opened draft meanwhile, and what came after that stands in a new one.


async def contribute_folder(
    node: Node,
    folder: str | Path | CaseFolder,
    *,
    actor: Actor | None = None,
    on_progress: ProgressListener | None = None,
) -> DraftSession:
    """Contributes what the folder gives to the caller's own system; another system submits the draft.

    A correction can be contributed to once the other system has opened it.
    """
    case = await _load(folder)
    _check_sender(case, node)
    draft = node.draft(case.key, actor or case.actor)
    taken_over = await draft.get() if case.corrects else Draft()
    chosen = _chosen(case, node.info.system)
    await _contribute(draft, case, chosen, _fragments(taken_over, node.info.system), on_progress)
    return draft


async def _load(folder: str | Path | CaseFolder) -> CaseFolder:
    return folder if isinstance(folder, CaseFolder) else await asyncio.to_thread(CaseFolder.load, folder)


async def _contribute(
    draft: DraftSession,
    case: CaseFolder,
    chosen: Sequence[FolderContribution],
    taken_over: Mapping[str, Manifest],
    on_progress: ProgressListener | None,
) -> Draft:
    """The draft with the last of the contributions."""
    filled = Draft()
    for contribution in chosen:
        fragment = _fragment(case, contribution, taken_over)
        filled = await draft.contribute(
            contribution.name, fragment, contribution.files, on_progress=on_progress
        )
    return filled


def _fragments(draft: Draft, own_system: str) -> dict[str, Manifest]:
    """Fragments of a draft by name. Where two systems use one name, the caller's own counts."""
    own_last = sorted(draft.contributions, key=lambda contribution: contribution.system == own_system)
    return {contribution.name: contribution.fragment for contribution in own_last}


def _chosen(case: CaseFolder, only_system: str) -> list[FolderContribution]:
    chosen = [c for c in case.contributions if not only_system or c.system == only_system]
    if not chosen:
        raise _nothing_to_contribute(case, only_system)
    return chosen


def _fragment(
    case: CaseFolder, contribution: FolderContribution, taken_over: Mapping[str, Manifest]
) -> Manifest:
    """The fragment to contribute; in a correction, what the folder lacks comes from the returned package."""
    before = taken_over.get(contribution.name, Manifest())
    if contribution.fragment is None and contribution.name not in taken_over:
        raise _no_such_contribution(case, contribution.name, taken_over)
    fragment = Manifest()
    fragment.CopyFrom(before if contribution.fragment is None else contribution.fragment)
    sealed: dict[str, Part] = {part.name: part for part in before.parts}
    for part in fragment.parts:
        if part.name not in contribution.files and part.name in sealed:
            part.size_bytes, part.sha256 = sealed[part.name].size_bytes, sealed[part.name].sha256
    unknown = contribution.files.keys() - {part.name for part in fragment.parts}
    if unknown:
        raise _not_in_package(case, min(unknown))
    return fragment


def _header(case: CaseFolder, options: SendOptions) -> DraftHeader:
    receivers = [_address(receiver) for receiver in options.get("to", ())]
    return DraftHeader(
        receivers=receivers or case.receivers,
        standard_edition=case.edition,
        classification=case.classification,
        correlation_id=options.get("correlation_id", ""),
        corrects_package_id=options.get("corrects", ""),
        collaboration_case_id=options.get("collaboration_case_id", ""),
    )


def _address(receiver: Address | str) -> Address:
    return receiver if isinstance(receiver, Address) else Address(party=party_named(receiver))


def party_named(name: str) -> Party.ValueType:
    """The party with this name, see `labels.party_by_name`. Raises SettingsInvalid when there is none."""
    party = party_by_name(name)
    if party is None:
        text = Text(f"没有名为 {name} 的单位。", f"there is no party named {name}.")
        remedy = Text("名称见 `xietong parties`。", "See `xietong parties` for the names.")
        raise SettingsInvalid(reason="UNKNOWN_PARTY", text=text, remedy=remedy)
    return party


def _check_sender(case: CaseFolder, node: Node) -> None:
    own = node.info.capabilities.party
    if case.sender != own:
        sender, party = party_name(case.sender), party_name(own)
        raise _folder_error(
            case,
            Text(
                f"发送单位是 {sender}，而当前节点属于 {party}。",
                f"is of {sender}, but this node is of {party}.",
            ),
            Text("请连接发送单位自己的节点。", "Connect to the node of the sender."),
        )


def _check_references(case: CaseFolder, options: SendOptions) -> None:
    if case.in_reply_to and not options.get("correlation_id"):
        raise _folder_error(
            case,
            Text(
                f"是对 {case.in_reply_to} 的答复，须给出所答复数据包的编号。", f"answers {case.in_reply_to}."
            ),
            Text(
                "请用 --reply-to 给出编号（见 `xietong inbox`）。",
                "Name that package with --reply-to (see `xietong inbox`).",
            ),
        )
    corrects = options.get("corrects", "")
    if bool(case.corrects) != bool(corrects):
        what = case.corrects or corrects
        raise _folder_error(
            case,
            Text(
                f"与 --corrects 不一致：补正对象为 {what}。",
                f"and --corrects do not agree about correcting {what}.",
            ),
            Text(
                "补正文件夹须写 corrects，并用 --corrects 给出被退回数据包的编号。",
                "A correction says `corrects` in package.yaml, and --corrects names the returned package.",
            ),
        )


def _nothing_to_contribute(case: CaseFolder, system: str) -> ContentInvalid:
    systems = ", ".join(sorted({contribution.system for contribution in case.contributions}))
    return _folder_error(
        case,
        Text(
            f"没有属于系统 {system} 的内容，只有：{systems}。",
            f"holds nothing of system {system}, only of: {systems}.",
        ),
        Text(
            "请核对证书所属系统和 package.yaml 的 system。",
            "Check the certificate's system and `system` in package.yaml.",
        ),
    )


def _no_such_contribution(case: CaseFolder, name: str, known: Mapping[str, Manifest]) -> ContentInvalid:
    names = ", ".join(known) or "-"
    return _folder_error(
        case,
        Text(
            f"没有给出 {name} 的 data，被退回的数据包中也没有。",
            f"gives no data for {name}, nor does the returned package.",
        ),
        Text(f"请补上 data，或改用其中之一：{names}。", f"Add `data`, or use one of its names: {names}."),
    )


def _not_in_package(case: CaseFolder, name: str) -> ContentInvalid:
    return _folder_error(
        case,
        Text(
            f"中的 {name} 不在被退回数据包的清单中。",
            f"holds {name}, which the returned package does not list.",
        ),
        Text("新增文件须给出 data 并列入 parts。", "For a new file give `data` and list it in `parts`."),
    )


def _folder_error(case: CaseFolder, text: Text, remedy: Text) -> ContentInvalid:
    said = Text(f"案件文件夹 {case.path.name} {text.zh}", f"the case folder {case.path.name} {text.en}")
    return ContentInvalid(reason="CASE_FOLDER_INVALID", text=said, remedy=remedy)
