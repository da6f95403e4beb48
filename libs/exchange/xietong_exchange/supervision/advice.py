"""What an incident is, and what to do and not to do about it: one sentence each, in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from xietong.supervision.v1.incident_pb2 import IncidentKind as Kind
from xietong_exchange.domain.party import party_title
from xietong_exchange.flow.incidents import IncidentRecord
from xietong_standard.text import Text

_WHAT: Final[Mapping[Kind.ValueType, Text]] = MappingProxyType(
    {
        Kind.INCIDENT_KIND_NEIGHBOUR_AWAY: Text(
            "{hop}的节点没有应答，{count} 个数据包在等待",
            "the node of {hop} does not answer; {count} package(s) wait",
        ),
        Kind.INCIDENT_KIND_STANDSTILL: Text(
            "与{hop}之间的传输停滞在 {percent}，涉及 {count} 个数据包",
            "nothing moves between here and {hop}, at {percent}; {count} package(s)",
        ),
        Kind.INCIDENT_KIND_SLOW: Text(
            "与{hop}之间的传输慢于预期，已到 {percent}，涉及 {count} 个数据包",
            "slower than expected between here and {hop}, at {percent}; {count} package(s)",
        ),
        Kind.INCIDENT_KIND_GIVEN_UP: Text(
            "发往{hop}的投递已停止，涉及 {count} 个数据包",
            "delivery to {hop} was given up; {count} package(s)",
        ),
        Kind.INCIDENT_KIND_NOT_FETCHED: Text(
            "已送达{hop}的节点，但其业务系统没有取件，涉及 {count} 个数据包",
            "the node of {hop} holds it, and no system there fetches it; {count} package(s)",
        ),
        Kind.INCIDENT_KIND_PARSE_FAILED: Text(
            "{hop}的业务系统解析失败，涉及 {count} 个数据包",
            "the system of {hop} could not parse it; {count} package(s)",
        ),
        Kind.INCIDENT_KIND_NOT_PARSED: Text(
            "{hop}的业务系统已取件，但没有解析回执，涉及 {count} 个数据包",
            "the system of {hop} has it, and nothing says that it was parsed; {count} package(s)",
        ),
        Kind.INCIDENT_KIND_NOT_DECIDED: Text(
            "{hop}已解析，但经办人尚未受理，涉及 {count} 个数据包",
            "parsed at {hop}, and nobody has decided on it; {count} package(s)",
        ),
        Kind.INCIDENT_KIND_NOT_DELIVERED: Text(
            "已到中心平台，但没有{hop}节点的送达回执，涉及 {count} 个数据包",
            "the hub holds it, and nothing says that the node of {hop} does; {count} package(s)",
        ),
    }
)
_DO: Final[Mapping[Kind.ValueType, Text]] = MappingProxyType(
    {
        Kind.INCIDENT_KIND_NEIGHBOUR_AWAY: Text(
            "请联系{hop}的节点运维检查服务和网络；不要重新发送，恢复后会自动续传",
            "call the operators of the node of {hop}, who check it and the network; resending does not help: it goes on"
            " by itself as soon as the node answers",
        ),
        Kind.INCIDENT_KIND_STANDSTILL: Text(
            "请按最近一次错误联系{hop}的节点运维；不要重新发送，会从 {percent} 处续传",
            "call the operators of the node of {hop} with the last error; resending does not help: it goes on from"
            " {percent}",
        ),
        Kind.INCIDENT_KIND_SLOW: Text(
            "请检查线路带宽和排队情况；不要重新发送，传输正在进行，已到 {percent}",
            "look at the line and at what else is under way; resending does not help: the transfer is running,"
            " {percent}",
        ),
        Kind.INCIDENT_KIND_GIVEN_UP: Text(
            "请按最近一次错误排除原因，然后由运维重新投递（xietong dead replay）；业务人员不要另行发送",
            "mend what the last error names, then replay it (xietong dead replay); nobody needs to send it anew",
        ),
        Kind.INCIDENT_KIND_NOT_FETCHED: Text(
            "请联系{hop}业务系统的运维检查取件服务；不要重新发送，数据包已完整保存在其节点",
            "call the operators of the business system of {hop}; resending does not help: the package is whole at"
            " their node",
        ),
        Kind.INCIDENT_KIND_PARSE_FAILED: Text(
            "请把最近一次错误告知{hop}业务系统的运维，修复后可重新解析；不要重新发送，除非内容本身有误",
            "tell the operators of the business system of {hop} the last error; they can parse it again; resend only"
            " if the contents themselves are wrong",
        ),
        Kind.INCIDENT_KIND_NOT_PARSED: Text(
            "请联系{hop}业务系统的运维检查解析任务；不要重新发送，数据包已被取走",
            "call the operators of the business system of {hop}, who look at its parsing; resending does not help:"
            " the package was fetched",
        ),
        Kind.INCIDENT_KIND_NOT_DECIDED: Text(
            "请联系{hop}的经办部门；不要重新发送，数据包已被解析",
            "call the receiving unit of {hop}; resending does not help: the package was parsed",
        ),
        Kind.INCIDENT_KIND_NOT_DELIVERED: Text(
            "请联系中心平台运维，其可看到通往{hop}的传输情况；不要重新发送，数据包已完整保存在中心平台",
            "call the operators of the hub, who see the transfer to {hop}; resending does not help: the package is"
            " whole at the hub",
        ),
    }
)


def percent_of(record: IncidentRecord) -> int:
    """How far its package is over the hop, in whole percent; 100 only when all is there."""
    if not record.total_bytes:
        return 0
    return record.transferred_bytes * 100 // record.total_bytes


def what_it_is(record: IncidentRecord) -> Text:
    """The incident in one sentence."""
    return _said(_WHAT[record.kind], record)


def what_to_do(record: IncidentRecord) -> Text:
    """What to do, and what not to do."""
    return _said(_DO[record.kind], record)


def _said(text: Text, record: IncidentRecord) -> Text:
    hop = party_title(record.hop)
    percent, count = f"{percent_of(record)} %", record.package_count
    return Text(
        text.zh.format(hop=hop.zh, percent=percent, count=count),
        text.en.format(hop=hop.en, percent=percent, count=count),
    )
