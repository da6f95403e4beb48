"""Words of the pages that several of them need: states, roles and moments as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType

from google.protobuf.timestamp_pb2 import Timestamp

from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong.supervision.v1.clock_service_pb2 import Clock, ClockPhase
from xietong_client.text import Text

CHINA = timezone(timedelta(hours=8), "CST")
"""China Standard Time: all times on the pages."""
_STEP = 1024
_MINUTE, _HOUR, _DAY = 60, 3600, 86400

STATES: Mapping[DeliveryState.ValueType, Text] = MappingProxyType(
    {
        DeliveryState.DELIVERY_STATE_SUBMITTED: Text("已提交", "submitted"),
        DeliveryState.DELIVERY_STATE_RELAYED: Text("已到中心", "at the hub"),
        DeliveryState.DELIVERY_STATE_DELIVERED: Text("已送达", "delivered"),
        DeliveryState.DELIVERY_STATE_RETRIEVED: Text("已取走", "retrieved"),
        DeliveryState.DELIVERY_STATE_PARSED: Text("已解析", "parsed"),
        DeliveryState.DELIVERY_STATE_ACCEPTED: Text("已受理", "accepted"),
        DeliveryState.DELIVERY_STATE_RETURNED: Text("退回补正", "returned"),
        DeliveryState.DELIVERY_STATE_REJECTED: Text("已拒收", "rejected"),
        DeliveryState.DELIVERY_STATE_FAILED: Text("投递失败", "failed"),
        DeliveryState.DELIVERY_STATE_EXPIRED: Text("已过期", "expired"),
        DeliveryState.DELIVERY_STATE_WITHDRAWN: Text("已撤回", "withdrawn"),
    }
)
TONES: Mapping[DeliveryState.ValueType, str] = MappingProxyType(
    {
        DeliveryState.DELIVERY_STATE_ACCEPTED: "good",
        DeliveryState.DELIVERY_STATE_RETURNED: "warning",
        DeliveryState.DELIVERY_STATE_REJECTED: "bad",
        DeliveryState.DELIVERY_STATE_FAILED: "bad",
        DeliveryState.DELIVERY_STATE_EXPIRED: "bad",
        DeliveryState.DELIVERY_STATE_WITHDRAWN: "quiet",
    }
)
"""How a state looks; what is under way looks like that."""

CLOCK_TONES: Mapping[ClockPhase.ValueType, str] = MappingProxyType(
    {
        ClockPhase.CLOCK_PHASE_PASSED: "bad",
        ClockPhase.CLOCK_PHASE_WARNING: "warning",
        ClockPhase.CLOCK_PHASE_RUNNING: "moving",
    }
)
"""How a clock looks; what needs nobody is quiet."""


def moment(stamp: Timestamp | None) -> datetime | None:
    """A time of the contract in China Standard Time; None when it is not set or none that there is."""
    if stamp is None or (not stamp.seconds and not stamp.nanos):
        return None
    try:
        return stamp.ToDatetime(tzinfo=UTC).astimezone(CHINA)
    except (OverflowError, ValueError):
        return None


def clock(stamp: Timestamp | None) -> str:
    """A time to the second."""
    time = moment(stamp)
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else "—"


def due(clock_shown: Clock) -> str:
    """The end of a clock: its last day, or the minute for limits in hours."""
    time = moment(clock_shown.due_time if clock_shown.HasField("due_time") else None)
    return clock_shown.last_day or (f"{time:%Y-%m-%d %H:%M}" if time else "—")


def size(count: int) -> str:
    """Bytes as people read them."""
    amount, unit = float(count), "B"
    for following in ("KiB", "MiB", "GiB", "TiB"):
        if amount < _STEP:
            break
        amount, unit = amount / _STEP, following
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def duration(seconds: float) -> Text:
    """A span of time in one or two units."""
    if seconds < 1:
        return Text(f"{max(seconds, 0) * 1000:.0f} 毫秒", f"{max(seconds, 0) * 1000:.0f} ms")
    if seconds < _MINUTE:
        return Text(f"{seconds:.1f} 秒", f"{seconds:.1f} s")
    whole = int(seconds)
    if whole < _HOUR:
        return Text(
            f"{whole // _MINUTE} 分 {whole % _MINUTE} 秒", f"{whole // _MINUTE} min {whole % _MINUTE} s"
        )
    if whole < _DAY:
        hours, minutes = whole // _HOUR, whole % _HOUR // _MINUTE
        return Text(f"{hours} 小时 {minutes} 分", f"{hours} h {minutes} min")
    days, hours = whole // _DAY, whole % _DAY // _HOUR
    return Text(f"{days} 天 {hours} 小时", f"{days} d {hours} h")
