"""Clocks and lifecycle in words: the text of their reference pages, by which an authority can check the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from xietong_standard.clocks.events import Moment, Trigger
from xietong_standard.clocks.model import (
    ClockItem,
    ClockKind,
    Exclusion,
    Extension,
    Holidays,
    Limit,
    Switch,
    WarningLead,
)
from xietong_standard.clocks.reader import APPROVERS
from xietong_standard.clocks.terms import Term
from xietong_standard.description import Section
from xietong_standard.labels import PARTIES, PROVENANCE
from xietong_standard.lifecycle.model import ANY_STATE, Move, Region
from xietong_standard.model import Edition, Party
from xietong_standard.text import Text

KINDS = {
    ClockKind.LIMIT: Text("期限", "limit"),
    ClockKind.WARNING_LEAD: Text("提前提示", "warning lead"),
    ClockKind.EXCLUSION: Text("不计入", "exclusion"),
    ClockKind.PROHIBITION: Text("禁止", "prohibition"),
}
_MOMENTS = {
    Moment.SENT: Text("发送", "sent"),
    Moment.RECEIVED: Text("收到", "received"),
    Moment.ACCEPTED: Text("受理", "accepted"),
}
_HOLIDAYS = {
    Holidays.MOVE: Text("顺延至节假日后的第一个工作日", "the end moves to the next working day"),
    Holidays.STAY: Text("不顺延", "the end stays"),
    Holidays.BY_CUSTODY: Text("在押的不顺延，未在押的顺延", "the end stays in custody and moves otherwise"),
}


def describe_clock(item: ClockItem, edition: Edition) -> tuple[Section, ...]:
    """The sections of a clock item."""
    words = _Words(edition)
    provenance = tuple(PROVENANCE[word] for word in item.provenance)
    sections = [Section(Text("类型", "Kind"), (KINDS[item.kind],))]
    sections += [Section(_titled(limit.id, limit.name), tuple(words.limit(limit))) for limit in item.limits]
    sections += [Section(_titled(lead.id, lead.name), tuple(words.lead(lead))) for lead in item.warning_leads]
    sections += [
        Section(Text("不计入的时间", "Time not counted"), tuple(words.exclusion_item(item))),
        Section(Text("不得重新计算", "No restart"), tuple(words.prohibition(item))),
        Section(Text("依据", "Basis"), tuple(basis.text() for basis in item.basis)),
        Section(Text("可靠程度", "How sure"), provenance),
        Section(Text("待确认", "To be confirmed"), tuple(point.note for point in item.unsure)),
    ]
    return tuple(section for section in sections if section.lines)


def describe_region(region: Region, edition: Edition) -> tuple[Section, ...]:
    """A section per state with the ways out of it, and what makes sense there without moving anything."""
    words = _Words(edition)
    sections = [
        Section(_titled(code, state.name), tuple(words.ways(region, code)))
        for code, state in region.states.items()
    ]
    anywhere = tuple(words.move(region, move) for move in region.moves if ANY_STATE in move.origins)
    sections.append(Section(Text("任何状态", "Any state"), anywhere))
    return tuple(section for section in sections if section.lines)


def term_text(term: Term) -> Text:
    """A length of time in words."""
    parts = [
        (term.months, "个月", "month"),
        (term.days, "日", "day"),
        (term.working_days, "个工作日", "working day"),
        (term.hours, "小时", "hour"),
    ]
    given = [part for part in parts if part[0]]
    zh = "又".join(f"{number}{unit}" for number, unit, _ in given)
    return Text(zh, " and ".join(f"{number} {unit}{'s' if number > 1 else ''}" for number, _, unit in given))


def _titled(code: str, name: Text) -> Text:
    return Text(f"`{code}` {name.zh}", f"`{code}` {name.en}")


def _labelled(zh: str, en: str, text: Text) -> Text:
    return Text(f"{zh}：{text.zh}", f"{en}: {text.en}")


def _joined(texts: Iterable[Text]) -> Text:
    listed = list(texts)
    return Text("；".join(text.zh for text in listed), "; ".join(text.en for text in listed))


def _parties(parties: tuple[Party, ...]) -> Text:
    named = [PARTIES[party] for party in parties]
    return Text("、".join(party.zh for party in named), ", ".join(party.en for party in named))


class _Words:
    """Says triggers and what rests on them with the names of one edition."""

    def __init__(self, edition: Edition) -> None:
        self._edition = edition

    def limit(self, limit: Limit) -> Iterator[Text]:
        yield _labelled("期限", "length", term_text(limit.term))
        yield _labelled("起算", "starts", self._triggers(limit.starts))
        if limit.restarts:
            yield _labelled("重新计算", "begins anew", self._triggers(limit.restarts))
        if limit.stops:
            yield _labelled("终止", "ends", self._triggers(limit.stops))
        yield from (_labelled("延长", "extension", self._extension(one)) for one in limit.extensions)
        for exclusion in limit.exclusions:
            yield _labelled("不计入", "not counted", self._span(exclusion))
        yield _labelled("最后一日为节假日", "last day a holiday", _HOLIDAYS[limit.holidays])
        yield from self._conditions(limit)
        yield _labelled("责任单位", "responsible", _parties(limit.responsible))
        yield _labelled("提示", "warns", self._leads(limit.leads))

    def lead(self, lead: WarningLead) -> Iterator[Text]:
        before = term_text(lead.before)
        of = self._limits(lead.of)
        yield Text(f"{of.zh}届满前{before.zh}", f"{before.en} before the end of {of.en}")
        if lead.extended:
            yield Text("仅限已延长的情形", "only after it was extended")
        if lead.extendable:
            yield Text("仅限尚可延长的情形", "only while it may still be extended")
        yield _labelled("终止", "ends", self._triggers(lead.stops))
        yield _labelled("责任单位", "responsible", _parties(lead.responsible))

    def exclusion_item(self, item: ClockItem) -> Iterator[Text]:
        if item.exclusion:
            yield self._span(item.exclusion)
            yield _labelled("不计入下列期限", "not counted in", self._limits(item.excluded_from))

    def prohibition(self, item: ClockItem) -> Iterator[Text]:
        if item.prohibition:
            yield self._span(Exclusion(item.prohibition.begins, item.prohibition.ends))
            yield _labelled("须在下列期限内完成", "must end within", self._limits(item.prohibition.within))

    def ways(self, region: Region, code: str) -> Iterator[Text]:
        yield from (self.move(region, move) for move in region.moves if code in move.origins)
        fitting = sorted(process for process, states in region.fits.items() if code in states)
        if fitting:
            yield Text(f"可发送：{'、'.join(fitting)}", f"makes sense: {', '.join(fitting)}")

    def move(self, region: Region, move: Move) -> Text:
        to, by = region.states[move.to].name, self._triggers(move.by)
        zh, en = f"{by.zh} → {to.zh}", f"{by.en} → {to.en}"
        if move.most_visits:
            most = "once at most" if move.most_visits == 1 else f"at most {move.most_visits} times"
            zh, en = f"{zh}（至多 {move.most_visits} 次）", f"{en} ({most})"
        if move.whole_case:
            zh, en = f"{zh}（全案）", f"{en} (the whole case)"
        return Text(zh, en)

    def _triggers(self, triggers: Iterable[Trigger]) -> Text:
        return _joined(self._trigger(trigger) for trigger in triggers)

    def _any_of(self, triggers: Iterable[Trigger]) -> Text:
        texts = [self._trigger(trigger) for trigger in triggers]
        return Text("或".join(text.zh for text in texts), " or ".join(text.en for text in texts))

    def _trigger(self, trigger: Trigger) -> Text:
        if trigger.moment is None:
            return self._edition.clocks.events[trigger.code].name
        name, moment = self._edition.processes[trigger.code].name, _MOMENTS[trigger.moment]
        party = PARTIES[Party(trigger.party)] if trigger.party else Text("", "")
        by = f" by the {party.en}" if party.en else ""
        return Text(
            f"{party.zh}{moment.zh} {trigger.code} {name.zh}", f"{trigger.code} {name.en} {moment.en}{by}"
        )

    def _extension(self, extension: Extension) -> Text:
        approver, by = APPROVERS[extension.approver], self._triggers(extension.granted_by)
        if extension.by:
            length = _labelled("增加", "adds", term_text(extension.by))
        elif extension.to:
            length = _labelled("共", "to", term_text(extension.to))
        else:
            length = Text("至决定写明之日", "to the day that the decision states")
        zh, en = length.zh, length.en
        if extension.at_most:
            most = term_text(extension.at_most)
            zh, en = f"{zh}，最长{most.zh}", f"{en}, at most {most.en}"
        return Text(f"{by.zh}，{zh}（{approver.zh}）", f"{by.en}, {en} ({approver.en})")

    def _conditions(self, limit: Limit) -> Iterator[Text]:
        switches = self._edition.clocks.switches
        if limit.when:
            yield _labelled("适用", "applies", self._switch(switches[limit.when]))
        for name in limit.unless:
            yield _labelled("不适用", "does not apply", self._switch(switches[name]))
        if limit.most_runs:
            yield Text(
                f"至多 {limit.most_runs} 次，改变管辖后合并计算",
                f"at most {limit.most_runs} times, counted over all jurisdictions",
            )
        if limit.per_case:
            yield Text("按案件计算，不分人员", "runs for the case, not for each person")

    def _switch(self, switch: Switch) -> Text:
        begins, ends = self._any_of(switch.begins), self._any_of(switch.ends)
        if not switch.ends:
            return Text(f"{begins.zh}之后", f"after {begins.en}")
        return Text(f"{begins.zh}之后，{ends.zh}之前", f"after {begins.en}, until {ends.en}")

    def _span(self, span: Exclusion) -> Text:
        begins, ends = self._any_of(span.begins), self._any_of(span.ends)
        return Text(f"自{begins.zh}至{ends.zh}", f"from {begins.en} to {ends.en}")

    def _limits(self, limit_ids: Iterable[str]) -> Text:
        limits = self._edition.clocks.limits
        return _joined(_titled(limit_id, limits[limit_id].name) for limit_id in limit_ids)

    def _leads(self, leads: Iterable[Term]) -> Text:
        texts = [term_text(lead) for lead in leads]
        zh, en = "、".join(text.zh for text in texts), " and ".join(text.en for text in texts)
        return Text(f"届满前{zh}", f"{en} before the end")
