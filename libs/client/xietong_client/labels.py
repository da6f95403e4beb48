"""Names of parties, evidence and hop states as people read them, and parties as certificates write them."""

from __future__ import annotations

from types import MappingProxyType

from xietong.exchange.v1.envelope_pb2 import Lane, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind
from xietong.exchange.v1.package_pb2 import DeliveryState, HopState
from xietong.exchange.v1.problem_pb2 import ProblemAct, ProblemKind
from xietong.supervision.v1.clock_service_pb2 import ClockPhase
from xietong.supervision.v1.directory_service_pb2 import ContactLevel
from xietong.supervision.v1.incident_pb2 import IncidentState
from xietong.supervision.v1.problem_service_pb2 import ProblemState
from xietong.supervision.v1.standard_change_pb2 import StandardChangeState, StandardReadinessLevel
from xietong_client.text import Text

PARTIES = MappingProxyType(
    {
        Party.PARTY_POLICE: Text("公安机关", "police"),
        Party.PARTY_PROCURATORATE: Text("人民检察院", "procuratorate"),
        Party.PARTY_COURT: Text("人民法院", "court"),
        Party.PARTY_JUSTICE: Text("司法局", "justice bureau"),
        Party.PARTY_HUB: Text("中心平台", "hub"),
        Party.PARTY_PRISON: Text("监狱", "prison"),
        Party.PARTY_COMMUNITY_CORRECTION: Text("社区矫正机构", "community corrections"),
    }
)
EVIDENCE_KINDS = MappingProxyType(
    {
        EvidenceKind.EVIDENCE_KIND_SUBMITTED: Text("已提交", "submitted"),
        EvidenceKind.EVIDENCE_KIND_RELAYED: Text("已到中心", "held by the hub"),
        EvidenceKind.EVIDENCE_KIND_DELIVERED: Text("已送达", "delivered"),
        EvidenceKind.EVIDENCE_KIND_RETRIEVED: Text("已取走", "retrieved"),
        EvidenceKind.EVIDENCE_KIND_PARSED: Text("已解析", "parsed"),
        EvidenceKind.EVIDENCE_KIND_PARSE_FAILED: Text("解析失败", "parsing failed"),
        EvidenceKind.EVIDENCE_KIND_ACCEPTED: Text("已受理", "accepted"),
        EvidenceKind.EVIDENCE_KIND_RETURNED: Text("退回补正", "returned for correction"),
        EvidenceKind.EVIDENCE_KIND_REJECTED: Text("已拒收", "rejected"),
        EvidenceKind.EVIDENCE_KIND_FAILED: Text("投递失败", "delivery given up"),
        EvidenceKind.EVIDENCE_KIND_EXPIRED: Text("已过期", "expired"),
        EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REQUESTED: Text("申请撤回", "withdrawal requested"),
        EvidenceKind.EVIDENCE_KIND_WITHDRAWN: Text("已撤回", "withdrawn"),
        EvidenceKind.EVIDENCE_KIND_WITHDRAWAL_REFUSED: Text("撤回未成", "withdrawal refused"),
    }
)
STAGES = MappingProxyType(
    {
        "sealed": Text("封包", "sealed"),
        "intake": Text("提交", "intake"),
        "queue": Text("排队", "queue"),
        "transfer": Text("传输", "transfer"),
        "commit": Text("校验入库", "commit"),
        "handover": Text("取件", "handover"),
        "outcome": Text("办理", "outcome"),
    }
)
HOP_STATES = MappingProxyType(
    {
        HopState.HOP_STATE_QUEUED: Text("排队中", "queued"),
        HopState.HOP_STATE_TRANSFERRING: Text("传输中", "transferring"),
        HopState.HOP_STATE_WAITING: Text("等待重试", "waiting for the next try"),
        HopState.HOP_STATE_DONE: Text("已完成", "done"),
        HopState.HOP_STATE_DEAD: Text("已停止投递", "given up"),
    }
)

CHANGE_STATES = MappingProxyType(
    {
        StandardChangeState.STANDARD_CHANGE_STATE_REQUESTED: Text("已提出", "requested"),
        StandardChangeState.STANDARD_CHANGE_STATE_CLOSED: Text("本单位已办结", "closed locally"),
        StandardChangeState.STANDARD_CHANGE_STATE_DECLINED: Text("未通过", "declined"),
        StandardChangeState.STANDARD_CHANGE_STATE_APPROVED: Text("已决定", "approved"),
        StandardChangeState.STANDARD_CHANGE_STATE_ROLLING_OUT: Text("推进中", "being rolled out"),
        StandardChangeState.STANDARD_CHANGE_STATE_IN_FORCE: Text("已生效", "in force"),
        StandardChangeState.STANDARD_CHANGE_STATE_RETIRED: Text("旧版已停用", "older edition retired"),
    }
)
READINESS_LEVELS = MappingProxyType(
    {
        StandardReadinessLevel.STANDARD_READINESS_LEVEL_NOT_BEGUN: Text("未开始", "not begun"),
        StandardReadinessLevel.STANDARD_READINESS_LEVEL_DEVELOPING: Text("改造中", "developing"),
        StandardReadinessLevel.STANDARD_READINESS_LEVEL_TESTING: Text("测试中", "testing"),
        StandardReadinessLevel.STANDARD_READINESS_LEVEL_READY: Text("已就绪", "ready"),
    }
)
CLOCK_PHASES = MappingProxyType(
    {
        ClockPhase.CLOCK_PHASE_NOT_OBSERVED: Text("未监测到", "not observed"),
        ClockPhase.CLOCK_PHASE_RUNNING: Text("计算中", "running"),
        ClockPhase.CLOCK_PHASE_SUSPENDED: Text("暂不计算", "suspended"),
        ClockPhase.CLOCK_PHASE_WARNING: Text("即将届满", "near its end"),
        ClockPhase.CLOCK_PHASE_PASSED: Text("已到期限", "end passed"),
        ClockPhase.CLOCK_PHASE_ENDED: Text("已办结", "ended"),
    }
)
INCIDENT_STATES = MappingProxyType(
    {
        IncidentState.INCIDENT_STATE_OPEN: Text("未确认", "open"),
        IncidentState.INCIDENT_STATE_ACKNOWLEDGED: Text("已确认", "acknowledged"),
        IncidentState.INCIDENT_STATE_CLOSED: Text("已恢复", "closed"),
    }
)
INCIDENT_EVENTS = MappingProxyType(
    {
        "acknowledge_incident": Text("确认", "acknowledged"),
        "assign_incident": Text("指派", "assigned"),
        "silence_incident": Text("静默", "silenced"),
        "escalate_incident": Text("升级至负责人", "escalated to the lead"),
    }
)
PROBLEM_KINDS = MappingProxyType(
    {
        ProblemKind.PROBLEM_KIND_GARBLED_TEXT: Text("文字乱码", "text is garbled"),
        ProblemKind.PROBLEM_KIND_SEAL_NOT_SHOWN: Text("签章不显示", "a seal is not shown"),
        ProblemKind.PROBLEM_KIND_CANNOT_ACCEPT: Text("无法受理", "cannot be accepted"),
        ProblemKind.PROBLEM_KIND_CANNOT_PARSE: Text("解析失败", "cannot be parsed"),
        ProblemKind.PROBLEM_KIND_OTHER: Text("其他", "something else"),
    }
)
PROBLEM_STATES = MappingProxyType(
    {
        ProblemState.PROBLEM_STATE_OPEN: Text("本方处理中", "with our operators"),
        ProblemState.PROBLEM_STATE_PASSED: Text("已转对方", "passed to the other side"),
        ProblemState.PROBLEM_STATE_CLOSED: Text("已关闭", "closed"),
    }
)
PROBLEM_ACTS = MappingProxyType(
    {
        ProblemAct.PROBLEM_ACT_REPORTED: Text("上报", "reported"),
        ProblemAct.PROBLEM_ACT_PASSED: Text("转给对方", "passed on"),
        ProblemAct.PROBLEM_ACT_COMMENTED: Text("说明", "said"),
        ProblemAct.PROBLEM_ACT_CLOSED: Text("关闭", "closed"),
    }
)
CONTACT_LEVELS = MappingProxyType(
    {
        ContactLevel.CONTACT_LEVEL_OPERATIONS: Text("运维", "operations"),
        ContactLevel.CONTACT_LEVEL_LEAD: Text("负责人", "lead"),
    }
)
DELIVERY_EVENTS = MappingProxyType(
    {
        "give_up_delivery": Text("停止投递", "given up"),
        "replay_delivery": Text("重新投递", "put back into the queue"),
    }
)

TEST_PROCESS = "XT-00"
"""Process of test packages, which no edition has and nodes answer themselves."""
TEST_NAME = Text("全链路测试", "full-chain test")


def party_name(party: Party.ValueType) -> str:
    """A party as certificates, settings and case folders write it, for example `community-correction`."""
    if party not in Party.values():
        return f"unknown-{int(party)}"
    return Party.Name(party).removeprefix("PARTY_").lower().replace("_", "-")


def party_by_name(name: str) -> Party.ValueType | None:
    """The party with this name, None when there is none.

    Upper case, `PARTY_…` and what people read (`PARTIES`, in both languages) are understood too.
    """
    for party, label in PARTIES.items():
        if name.strip().lower() in (label.zh, label.en):
            return party
    key = "PARTY_" + name.upper().replace("-", "_").removeprefix("PARTY_")
    return Party.Value(key) if key in Party.keys() and key != "PARTY_UNSPECIFIED" else None  # noqa: SIM118 - no mapping


def clock_phase_name(phase: ClockPhase.ValueType) -> str:
    """How a clock stands, without the prefix of its enum, for example `WARNING`."""
    if phase not in ClockPhase.values():
        return f"UNKNOWN_{int(phase)}"
    return ClockPhase.Name(phase).removeprefix("CLOCK_PHASE_")


def state_name(state: DeliveryState.ValueType) -> str:
    """A state without the prefix of its enum, for example `DELIVERED`."""
    if state not in DeliveryState.values():
        return f"UNKNOWN_{int(state)}"
    return DeliveryState.Name(state).removeprefix("DELIVERY_STATE_")


def evidence_name(kind: EvidenceKind.ValueType) -> str:
    """A kind of evidence without the prefix of its enum, for example `RELAYED`."""
    if kind not in EvidenceKind.values():
        return f"UNKNOWN_{int(kind)}"
    return EvidenceKind.Name(kind).removeprefix("EVIDENCE_KIND_")


def lane_name(lane: Lane.ValueType) -> str:
    """A lane as settings and logs write it, for example `bulk`."""
    return Lane.Name(lane).removeprefix("LANE_").lower() if lane in Lane.values() else f"unknown-{int(lane)}"


def hop_state_name(state: HopState.ValueType) -> str:
    """A state of a hop without the prefix of its enum, for example `TRANSFERRING`."""
    if state not in HopState.values():
        return f"UNKNOWN_{int(state)}"
    return HopState.Name(state).removeprefix("HOP_STATE_")
