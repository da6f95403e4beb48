"""All that a process needs, in words: the text of `xietong standard show` and of the reference pages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xietong_standard import labels
from xietong_standard.conditions import Condition
from xietong_standard.gaps import gaps
from xietong_standard.model import (
    DocumentRequirement,
    Edition,
    FieldRequirement,
    PartyRole,
    Process,
    VolumeRequirement,
)
from xietong_standard.skeleton import carried_when_given
from xietong_standard.text import Text


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it; names for programs stand in backquotes."""

    heading: Text
    lines: tuple[Text, ...]


def describe(process: Process, edition: Edition) -> tuple[Section, ...]:
    """The sections of a process, without those that are empty."""
    sections = (
        Section(Text("发送方", "Sender"), tuple(map(_place, process.senders))),
        Section(_receivers_heading(process), tuple(map(_place, process.receivers.roles))),
        Section(Text("答复", "Answers"), tuple(_answers(process, edition))),
        Section(Text("承载方式", "Carried by"), tuple(_carrier(process))),
        Section(Text("必备文书", "Required documents"), tuple(map(_document, process.required_documents))),
        Section(Text("可附文书", "Optional documents"), tuple(map(_kind, process.optional_documents))),
        Section(Text("卷宗", "Volumes"), tuple(_volumes(process))),
        Section(Text("音视频", "Audio and video"), tuple(_audio_video(process))),
        Section(Text("必填字段", "Required fields"), tuple(map(_field, process.fields))),
        Section(Text("有则填写", "Given where there is any"), tuple(_optional_fields(process))),
        Section(Text("数据来源", "Who contributes what"), tuple(_contributions(process))),
        Section(Text("期限", "Time limit"), (process.time_limit,) if process.time_limit else ()),
        Section(Text("办案期限", "Clocks"), tuple(_clocks(process, edition))),
        Section(
            Text("信封监督信息", "Supervision part of the envelope"), tuple(_supervision(process, edition))
        ),
        Section(Text("依据", "Basis"), tuple(basis.text() for basis in process.basis)),
        Section(Text("可靠程度", "How sure"), tuple(labels.PROVENANCE[word] for word in process.provenance)),
        Section(Text("待确认", "To be confirmed"), tuple(point.note for point in process.unsure)),
        Section(Text("尚缺", "Still lacking"), gaps(process)),
    )
    return tuple(section for section in sections if section.lines)


def _receivers_heading(process: Process) -> Text:
    mode = labels.RECEIVER_MODES[process.receivers.mode]
    if len(process.receivers.roles) == 1:
        return Text("接收方", "Receiver")
    return Text(f"接收方（{mode.zh}）", f"Receivers ({mode.en})")


def _place(role: PartyRole) -> Text:
    parties = [labels.PARTIES[party] for party in sorted(role.parties)]
    zh, en = "或".join(party.zh for party in parties), " or ".join(party.en for party in parties)
    if role.system:
        zh, en = f"{zh}（系统 {role.system}）", f"{en} (system {role.system})"
    if role.upper_level:
        zh, en = f"上一级{zh}", f"{en} one level up"
    return _with(Text(zh, en), role.condition)


def _with(text: Text, condition: Condition | None, each: Iterable[str] = ()) -> Text:
    """A text with whom it concerns and when."""
    roles = [labels.ROLES[role] for role in each]
    zh, en = [], []
    if roles:
        zh.append("每名" + "、".join(role.zh for role in roles))
        en.append("for each " + " or ".join(role.en for role in roles))
    if condition is not None:
        zh.append(f"{condition.text.zh}时")
        en.append(f"when {condition.text.en}" if condition.persons is None else f"who {condition.text.en}")
    if not zh:
        return text
    return Text(f"{text.zh}（{'，'.join(zh)}）", f"{text.en} ({', '.join(en)})")


def _answers(process: Process, edition: Edition) -> Iterator[Text]:
    for code in process.answers:
        answered = edition.processes.get(code)
        if answered is None:
            yield Text("任何流程", "any process")
        else:
            yield Text(f"{code} {answered.name.zh}", f"{code} {answered.name.en}")


def _carrier(process: Process) -> Iterator[Text]:
    carrier = process.carrier
    if carrier is None:
        return
    if carrier.evidence:
        kind = f"EVIDENCE_KIND_{carrier.evidence}"
        yield Text(f"回执 {kind}，不是数据包", f"evidence {kind}, never a package")
    else:
        yield Text(f"信封字段 {carrier.envelope}", f"field {carrier.envelope} of the envelope")


def _document(requirement: DocumentRequirement) -> Text:
    return _with(requirement.label, requirement.condition, requirement.each)


def _kind(kind: Text) -> Text:
    return Text(f"《{kind.zh}》", f"{kind.en} ({kind.zh})")


def _volumes(process: Process) -> Iterator[Text]:
    for volume in process.required_volumes:
        yield _volume(volume)
    for kind in process.optional_volumes:
        label = labels.VOLUMES[kind]
        yield Text(f"{label.zh}（可附）", f"{label.en} (optional)")


def _volume(volume: VolumeRequirement) -> Text:
    return _with(labels.VOLUMES[volume.kind], volume.condition)


def _audio_video(process: Process) -> Iterator[Text]:
    if process.technical:
        return
    rule = process.audio_video
    mode = labels.AUDIO_VIDEO[rule.mode]
    kinds = [labels.MEDIA[kind] for kind in rule.kinds]
    zh, en = "、".join(kind.zh for kind in kinds), ", ".join(kind.en for kind in kinds)
    yield Text(f"{mode.zh}：{zh}", f"{mode.en}: {en}") if kinds else mode


def _field(field: FieldRequirement) -> Text:
    text = _with(field.label, field.condition, field.each)
    if field.table is not None:
        text = Text(
            f"{text.zh}，代码表“{field.table.name.zh}”", f"{text.en}, code table '{field.table.name.en}'"
        )
    return _at(text, field.path.text)


def _at(text: Text, path: str) -> Text:
    return Text(f"{text.zh}：`{path}`", f"{text.en}: `{path}`")


def _optional_fields(process: Process) -> Iterator[Text]:
    return (_at(name, path.text) for name, path in carried_when_given(process))


def _contributions(process: Process) -> Iterator[Text]:
    for contribution in process.contributions:
        system = contribution.system
        contents = [labels.CONTENTS[content] for content in contribution.contents]
        zh, en = "、".join(text.zh for text in contents), ", ".join(text.en for text in contents)
        yield Text(f"`{system.id}` {system.name.zh}：{zh}", f"`{system.id}` {system.name.en}: {en}")


def _clocks(process: Process, edition: Edition) -> Iterator[Text]:
    items = edition.clocks.items
    for verb, clocks in (process.clocks or {}).items():
        label = labels.CLOCK_VERBS[verb]
        zh = "、".join(f"{clock} {items[clock].name.zh}" for clock in clocks)
        en = "; ".join(f"{clock} {items[clock].name.en}" for clock in clocks)
        yield Text(f"{label.zh}：{zh}", f"{label.en}: {en}")


def _supervision(process: Process, edition: Edition) -> Iterator[Text]:
    supervision = process.supervision
    if supervision is None:
        return
    if supervision.persons:
        roles = [labels.ROLES[role] for role in supervision.persons]
        zh, en = "、".join(role.zh for role in roles), ", ".join(role.en for role in roles)
        yield Text(f"协同人员编号：{zh}", f"collaboration person ids of: {en}")
    for event in supervision.events:
        name = edition.clocks.events[event].name
        yield Text(f"发生时的事件：`{event}` {name.zh}", f"event, if it happened: `{event}` {name.en}")
