"""What the commands on the data standard print, for people and as JSON. Imported only when one of them runs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from xietong.exchange.v1.envelope_pb2 import Party as ContractParty
from xietong_client.cli.session import Output
from xietong_client.cli.views import View
from xietong_client.errors import SettingsInvalid
from xietong_client.labels import party_by_name
from xietong_client.template import write_template
from xietong_client.text import Text
from xietong_standard import (
    RULES,
    Edition,
    Party,
    Process,
    UnknownProcessError,
    available_editions,
    gaps,
    load_edition,
    statistics,
    unsure_points,
)
from xietong_standard import Text as StandardText
from xietong_standard.description import describe
from xietong_standard.model import FieldRequirement, PartyRole
from xietong_standard.skeleton import carried_when_given


def edition_of(edition_id: str | None) -> Edition:
    """The edition, the newest when none is named. Raises SettingsInvalid for one that is not installed."""
    installed = available_editions()
    if edition_id is not None and edition_id not in installed:
        raise SettingsInvalid(
            reason="EDITION_UNKNOWN",
            text=Text(f"没有数据标准 {edition_id}。", f"there is no edition {edition_id}."),
            remedy=Text(f"已安装：{'、'.join(installed)}。", f"Installed: {', '.join(installed)}."),
        )
    return load_edition(edition_id or installed[-1])


def tell_processes(output: Output, edition: Edition) -> None:
    """The processes of an edition."""
    processes = edition.processes.values()
    output.result({"edition": edition.id, "processes": [_summary(process) for process in processes]})
    columns = (
        Text("代码", "code"),
        Text("流程", "process"),
        Text("阶段", "stage"),
        Text("优先级", "priority"),
        Text("完整", "complete"),
    )
    rows = [
        (
            process.code,
            output.say(_text(process.name)),
            output.say(_text(process.stage)),
            str(process.priority),
            "✗" if gaps(process) else "✓",
        )
        for process in processes
    ]
    output.table(columns, rows)


def tell_process(output: Output, edition: Edition, code: str) -> None:
    """All that a process needs."""
    process = _process(edition, code)
    output.result(_process_view(process, edition))
    name = process.name
    output.line(Text(f"{process.code} {name.zh}", f"{process.code} {name.en}"), "bold")
    output.line(
        Text(
            f"{process.stage.zh} · 数据标准 {edition.id} · 优先级 {process.priority}",
            f"{process.stage.en} · edition {edition.id} · priority {process.priority}",
        )
    )
    for section in describe(process, edition):
        output.line(_text(section.heading), "bold")
        for line in section.lines:
            output.line(Text(f"  {line.zh}", f"  {line.en}"))


def tell_statistics(output: Output, edition: Edition) -> None:
    """Counts of an edition, and what is yet to be confirmed."""
    counts = asdict(statistics(edition)) | {"rules": len(RULES)}
    points = unsure_points(edition)
    incomplete = {p.code: [_view(gap) for gap in gaps(p)] for p in edition.processes.values() if gaps(p)}
    output.result(
        {
            "edition": edition.id,
            **counts,
            "incomplete": incomplete,
            "unsure_items": [{"item": item, "text": _view(text)} for item, text in points],
        }
    )
    rows = [(output.say(label), str(counts[name])) for name, label in _COUNTS.items()]
    output.table((Text(f"数据标准 {edition.id}", f"edition {edition.id}"), Text("数量", "number")), rows)
    output.line(Text("待主管部门确认：", "To be confirmed by an authority:"), "bold")
    for item, text in points:
        output.line(Text(f"  {item}：{text.zh}", f"  {item}: {text.en}"))


_COUNTS = {
    "processes": Text("流程", "processes"),
    "complete": Text("其中内容完整的", "of them complete"),
    "first_release": Text("首期流程", "of the first release"),
    "first_release_complete": Text("其中内容完整的", "of these complete"),
    "technical": Text("由回执或信封承载的流程", "carried by evidence or the envelope"),
    "required_fields": Text("必填字段", "required fields"),
    "rules": Text("校验规则", "rules"),
    "clocks": Text("办案期限", "clocks"),
    "code_tables": Text("代码表", "code tables"),
    "laws": Text("法律依据", "laws cited"),
    "laws_read": Text("其中已读原文的", "of them read in full"),
    "unsure": Text("待确认事项", "items to be confirmed"),
}


def make_template(output: Output, edition: Edition, code: str, directory: Path, sender: str | None) -> None:
    """Writes a case folder to fill in, and says what was written."""
    process = _process(edition, code)
    if process.technical:
        raise SettingsInvalid(
            reason="PROCESS_TECHNICAL",
            text=Text(
                f"{code} 不是数据包，没有案件文件夹。", f"{code} is no package and has no case folder."
            ),
            remedy=Text(f"见 `xietong standard show {code}`。", f"See `xietong standard show {code}`."),
        )
    files = write_template(process, edition, directory, _sender(process, sender))
    output.result({"directory": str(directory), "files": [str(path) for path in files]})
    for path in files:
        output.line(Text(str(path), str(path)))
    output.line(
        Text(
            f"请填写空白并放入文件，然后运行 xietong preflight {directory}",
            f"fill in the blanks, add the files, then run xietong preflight {directory}",
        )
    )


def _sender(process: Process, written: str | None) -> Party | None:
    """The party that sends. Raises SettingsInvalid when it may not."""
    if written is None:
        return None
    allowed = sorted({party for role in process.senders for party in role.parties})
    known = party_by_name(written)
    party = Party(ContractParty.Name(known).removeprefix("PARTY_")) if known else None
    if party in allowed:
        return party
    names = ", ".join(party.value.lower() for party in allowed)
    raise SettingsInvalid(
        reason="USAGE",
        text=Text(f"{written} 不能发送 {process.code}。", f"{written} does not send {process.code}."),
        remedy=Text(f"可发送方：{names}。", f"May send: {names}."),
    )


def _process(edition: Edition, code: str) -> Process:
    try:
        return edition.process(code.upper())
    except UnknownProcessError as error:
        raise SettingsInvalid(
            reason="PROCESS_UNKNOWN",
            text=Text(
                f"数据标准 {edition.id} 中没有流程 {code}。", f"edition {edition.id} has no process {code}."
            ),
            remedy=Text("见 `xietong standard list`。", "See `xietong standard list`."),
        ) from error


def _summary(process: Process) -> View:
    return {
        "code": process.code,
        "name": _view(process.name),
        "stage": _view(process.stage),
        "priority": process.priority,
        "technical": process.technical,
        "complete": not gaps(process),
    }


def _process_view(process: Process, edition: Edition) -> View:
    supervision = process.supervision
    return _summary(process) | {
        "edition": edition.id,
        "senders": [_role(role) for role in process.senders],
        "receiver_mode": process.receivers.mode.value,
        "receivers": [_role(role) for role in process.receivers.roles],
        "answers": list(process.answers),
        "carried_by": asdict(process.carrier) if process.carrier else None,
        "documents": [
            {
                "one_of": [_view(kind) for kind in document.one_of],
                "each": list(document.each),
                "condition": document.condition.name if document.condition else None,
            }
            for document in process.required_documents
        ],
        "optional_documents": [_view(kind) for kind in process.optional_documents],
        "volumes": [
            {"kind": volume.kind, "condition": volume.condition.name if volume.condition else None}
            for volume in process.required_volumes
        ],
        "optional_volumes": list(process.optional_volumes),
        "audio_video": {"mode": process.audio_video.mode.value, "kinds": list(process.audio_video.kinds)},
        "fields": [_field(field) for field in process.fields],
        "optional_fields": [
            {"path": path.text, "label": _view(name)} for name, path in carried_when_given(process)
        ],
        "contributions": {
            c.system.id: [content.value for content in c.contents] for c in process.contributions
        },
        "clocks": {verb.value: list(clocks) for verb, clocks in (process.clocks or {}).items()},
        "supervision": asdict(supervision) if supervision else None,
        "time_limit": _view(process.time_limit) if process.time_limit else None,
        "basis": [
            {"law": _view(basis.law.title), "version": basis.law.version, "articles": list(basis.articles)}
            for basis in process.basis
        ],
        "provenance": list(process.provenance),
        "unsure": [{"item": point.item, "text": _view(point.note)} for point in process.unsure],
        "gaps": [_view(gap) for gap in gaps(process)],
    }


def _role(role: PartyRole) -> View:
    return {
        "parties": sorted(party.value.lower() for party in role.parties),
        "system": role.system,
        "upper_level": role.upper_level,
        "condition": role.condition.name if role.condition else None,
    }


def _field(field: FieldRequirement) -> View:
    return {
        "path": field.path.text,
        "label": _view(field.label),
        "each": list(field.each),
        "condition": field.condition.name if field.condition else None,
        "code_table": field.table.id if field.table else None,
    }


def _text(text: StandardText) -> Text:
    return Text(text.zh, text.en)


def _view(text: StandardText) -> View:
    return {"zh": text.zh, "en": text.en}
