"""The way of a change of the data standard, from the request to the retired edition: which step follows which.

Each step takes the change as it is and gives the next one; repeated, it gives the same again. What is not allowed, or
not to this caller, raises ChangeStepRefused with what is needed first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.supervision.v1.standard_change_pb2 import (
    StandardChange,
    StandardChangeDraft,
    StandardChangeState,
    StandardDecision,
    StandardNotice,
    StandardReadiness,
    StandardReadinessLevel,
    StandardScope,
    StandardStep,
)
from xietong_exchange.domain.errors import ChangeStepRefused, Violation
from xietong_exchange.domain.evidence import timestamp
from xietong_exchange.domain.identity import Identity
from xietong_exchange.domain.party import party_name, party_title
from xietong_standard.text import Text

CHINA_STANDARD_TIME = timezone(timedelta(hours=8))
MAX_STEPS = 500
"""Reports of readiness beyond this keep the last word of each system, but no more steps."""
MAX_SYSTEMS = 50
"""Systems of one party that report: all words on a change stay far below a message's 4 MiB."""

_REQUESTED = StandardChangeState.STANDARD_CHANGE_STATE_REQUESTED
_CLOSED = StandardChangeState.STANDARD_CHANGE_STATE_CLOSED
_DECLINED = StandardChangeState.STANDARD_CHANGE_STATE_DECLINED
_APPROVED = StandardChangeState.STANDARD_CHANGE_STATE_APPROVED
_ROLLING_OUT = StandardChangeState.STANDARD_CHANGE_STATE_ROLLING_OUT
_IN_FORCE = StandardChangeState.STANDARD_CHANGE_STATE_IN_FORCE
_RETIRED = StandardChangeState.STANDARD_CHANGE_STATE_RETIRED


@dataclass(frozen=True, slots=True)
class Step:
    """Who takes a step, when, and what he says about it."""

    caller: Identity
    time: datetime
    note: str = ""


def request(change_id: str, draft: StandardChangeDraft, step: Step) -> StandardChange:
    """A new change. The party that asks is always among those concerned; a local change concerns it alone."""
    parties = {step.caller.party}
    if draft.scope == StandardScope.STANDARD_SCOPE_ACROSS_UNITS:
        parties.update(draft.parties)
    kept = StandardChangeDraft()
    kept.CopyFrom(draft)
    kept.parties[:] = sorted(parties)
    change = StandardChange(
        change_id=change_id,
        draft=kept,
        requested_by=step.caller.party,
        request_time=timestamp(step.time),
    )
    return _reach(change, _REQUESTED, step)


def close(change: StandardChange, step: Step) -> StandardChange:
    """A local change that the party's own vendor has made."""
    _require_asker(change, step)
    if change.draft.scope != StandardScope.STANDARD_SCOPE_LOCAL:
        raise _refusal(
            change, "a change across units is decided by the task force", "跨单位的变更须由专班决定"
        )
    if change.state == _CLOSED:
        return change
    _require(change, _REQUESTED, "only an open request can be closed", "只有待办的需求可以办结")
    return _reach(change, _CLOSED, step)


def decide(change: StandardChange, decision: StandardDecision, step: Step) -> StandardChange:
    """The decision of the task force on a change across units."""
    _require_hub(change, step)
    if change.draft.scope != StandardScope.STANDARD_SCOPE_ACROSS_UNITS:
        raise _refusal(
            change,
            "a local change is closed by the party that asked, with its own vendor",
            "仅本单位的变更由提出单位与本单位厂商办结",
        )
    if change.HasField("decision") and change.decision == decision:
        return change
    _require(change, _REQUESTED, "it has been decided already", "已作出决定，不能更改")
    decided = _copy(change)
    decided.decision.CopyFrom(decision)
    return _reach(decided, _APPROVED if decision.approved else _DECLINED, step, decision.reason)


def publish(change: StandardChange, notice: StandardNotice, step: Step) -> StandardChange:
    """The notice with the effective date; a later one replaces it while the change is not in force."""
    _require_hub(change, step)
    if change.HasField("notice") and change.notice == notice:
        return change
    if change.state in (_IN_FORCE, _RETIRED):
        raise _refusal(change, "it is in force already; ask for another change", "变更已生效；请另行提出需求")
    if change.state != _ROLLING_OUT:
        _require(change, _APPROVED, "the task force decides before a notice is out", "须先由专班作出决定")
    _require_day(change, notice.effective_date)
    if notice.edition == notice.replaced_edition:
        raise _refusal(
            change,
            "an edition can't replace itself; give two editions",
            "新版与被替代的版本相同，请填写两个不同的版本",
        )
    announced = _copy(change)
    if change.notice.edition != notice.edition:  # who was ready for another edition is not ready for this one
        announced.ClearField("readiness")
    announced.notice.CopyFrom(notice)
    said = f"{notice.number} {notice.edition} {notice.effective_date}"
    return _reach(announced, _ROLLING_OUT, step, said)


def report(change: StandardChange, readiness: StandardReadiness, step: Step) -> StandardChange:
    """How ready a system of the caller's party is; the last word of each system counts."""
    if step.caller.party not in change.draft.parties:
        raise _refusal(
            change, "only the parties concerned report their readiness", "只有所涉单位可以上报就绪情况"
        )
    if change.state not in (_ROLLING_OUT, _IN_FORCE):
        raise _refusal(change, "readiness is reported once the notice is out", "通知发布后才可上报就绪情况")
    if readiness.planned_date:
        _require_day(change, readiness.planned_date)
    said = StandardReadiness()
    said.CopyFrom(readiness)
    said.party = step.caller.party
    said.ClearField("report_time")
    if any(_same_word(one, said) for one in change.readiness):
        return change
    said.report_time.CopyFrom(timestamp(step.time))
    reported = _copy(change)
    others = [one for one in change.readiness if (one.party, one.system) != (said.party, said.system)]
    if sum(one.party == said.party for one in others) >= MAX_SYSTEMS:
        raise _refusal(
            change,
            f"{MAX_SYSTEMS} systems of this party have reported; use one of their names",
            f"本单位已有 {MAX_SYSTEMS} 个系统上报，请使用已有的系统名称",
        )
    del reported.readiness[:]
    reported.readiness.extend([*others, said])
    level = StandardReadinessLevel.Name(said.level).removeprefix("STANDARD_READINESS_LEVEL_").lower()
    note = f"{party_name(said.party)}/{said.system}: {level} {said.remark}".rstrip()
    return _reach(reported, change.state, step, note)


def put_in_force(change: StandardChange, staying: Collection[Party.ValueType], step: Step) -> StandardChange:
    """From the effective date on: each party concerned is ready, or named as one that stays on the older edition."""
    _require_hub(change, step)
    if change.state == _IN_FORCE and sorted(staying) == list(change.staying_parties):
        return change
    if change.state != _IN_FORCE:  # in force already: somebody who stayed has followed
        _require(
            change, _ROLLING_OUT, "a notice with its effective date comes first", "须先发布通知并确定生效日期"
        )
    if strangers := [party for party in staying if party not in change.draft.parties]:
        names = _listed(strangers)
        raise _refusal(
            change,
            f"not concerned: {names.en}; only parties concerned can stay on the older edition",
            f"不在所涉单位之内：{names.zh}；只有所涉单位可以暂留旧版",
        )
    today = step.time.astimezone(CHINA_STANDARD_TIME).date()
    if today < date.fromisoformat(change.notice.effective_date):
        day = change.notice.effective_date
        raise _refusal(change, f"it takes effect on {day}; wait until then", f"生效日期为 {day}，届时再操作")
    if waiting := [
        party for party in change.draft.parties if party not in staying and not _ready(change, party)
    ]:
        names = _listed(waiting)
        raise _refusal(
            change,
            f"not ready: {names.en}; wait for them, or name them as staying on the older edition",
            f"尚未就绪：{names.zh}；请等待，或将其列为暂留旧版的单位",
        )
    begun = _copy(change)
    begun.staying_parties[:] = sorted(staying)
    return _reach(begun, _IN_FORCE, step, step.note)


def retire(change: StandardChange, step: Step) -> StandardChange:
    """The edition that was replaced is used by nobody any more."""
    _require_hub(change, step)
    if change.state == _RETIRED:
        return change
    _require(change, _IN_FORCE, "the change comes into force first", "变更须先生效")
    if change.staying_parties:
        names = _listed(change.staying_parties)
        raise _refusal(
            change,
            f"{names.en} stay on the older edition; put the change in force for them first",
            f"{names.zh}仍在使用旧版；请先使其生效",
        )
    return _reach(_copy(change), _RETIRED, step, step.note)


def _listed(parties: Iterable[Party.ValueType]) -> Text:
    """In a sentence: in English by the names that the command line takes."""
    shown = list(parties)
    return Text("、".join(party_title(one).zh for one in shown), ", ".join(map(party_name, shown)))


def _ready(change: StandardChange, party: Party.ValueType) -> bool:
    """A party is ready when each of its systems that reported is; one that said nothing is not."""
    said = [one.level for one in change.readiness if one.party == party]
    return bool(said) and all(
        level == StandardReadinessLevel.STANDARD_READINESS_LEVEL_READY for level in said
    )


def _same_word(known: StandardReadiness, said: StandardReadiness) -> bool:
    timeless = StandardReadiness()
    timeless.CopyFrom(known)
    timeless.ClearField("report_time")
    return timeless == said


def _require_day(change: StandardChange, day: str) -> None:
    try:
        date.fromisoformat(day)
    except ValueError:
        raise _refusal(
            change,
            f"there is no day {day}; give one of the calendar",
            f"日期 {day} 不存在，请填写日历上的日期",
        ) from None


def _require(
    change: StandardChange, state: StandardChangeState.ValueType, need_en: str, need_zh: str
) -> None:
    if change.state != state:
        raise _refusal(change, need_en, need_zh)


def _require_hub(change: StandardChange, step: Step) -> None:
    if step.caller.party != Party.PARTY_HUB:
        raise _refusal(
            change,
            "this step is for the hub's operators, who keep the books of the task force",
            "本步骤由中心平台运维人员（专班）办理",
        )


def _require_asker(change: StandardChange, step: Step) -> None:
    if step.caller.party != change.requested_by:
        raise _refusal(change, "only the party that asked may close it", "只有提出单位可以办结")


def _refusal(change: StandardChange, need_en: str, need_zh: str) -> ChangeStepRefused:
    state = StandardChangeState.Name(change.state).removeprefix("STANDARD_CHANGE_STATE_")
    need = Violation("change.state", "standard.step", need_en, need_zh)
    return ChangeStepRefused(violations=(need,), change_id=change.change_id, state=state)


def _copy(change: StandardChange) -> StandardChange:
    copied = StandardChange()
    copied.CopyFrom(change)
    return copied


def _reach(
    change: StandardChange, state: StandardChangeState.ValueType, step: Step, note: str = ""
) -> StandardChange:
    reached = _copy(change)
    reached.state = state
    if len(reached.steps) < MAX_STEPS or state != change.state:
        reached.steps.append(
            StandardStep(
                state=state, time=timestamp(step.time), caller=step.caller.path, note=note or step.note
            )
        )
    return reached
