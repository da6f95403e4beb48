"""How the outlook of a pre-flight reads: limits and editions of each receiver, and when the package will arrive."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from xietong.exchange.v1.gateway_drafts_pb2 import ExpectedArrival, PreflightSummary, ReceiverOutlook
from xietong_client.cli.lines import format_bytes, party_label
from xietong_client.cli.views import View, address_view
from xietong_client.labels import lane_name, party_name
from xietong_client.text import Text

_UNITS = ((3600, "小时", "h"), (60, "分", "min"))
_SHORTEST_SECONDS = 1.0


def outlook_view(outlook: ReceiverOutlook) -> View:
    """What is known of the way to one receiver."""
    limits = outlook.limits if outlook.HasField("limits") else None
    return {
        "receiver": address_view(outlook.receiver),
        "via": party_name(outlook.via),
        "neighbour_reachable": outlook.neighbour_reachable,
        "limits": {
            "max_package_bytes": limits.max_package_bytes,
            "max_parts": limits.max_parts,
            "max_manifest_bytes": limits.max_manifest_bytes,
        }
        if limits is not None
        else None,
        "standard_editions": list(outlook.standard_editions),
        "expected_arrival": _arrival_view(outlook.expected_arrival)
        if outlook.HasField("expected_arrival")
        else None,
    }


def _arrival_view(arrival: ExpectedArrival) -> View:
    return {
        "seconds": _seconds(arrival.duration),
        "lane": lane_name(arrival.lane),
        "bytes_per_second": arrival.bytes_per_second,
        "packages_ahead": arrival.packages_ahead,
        "bytes_ahead": arrival.bytes_ahead,
        "observed_packages": arrival.observed_packages,
        "same_receiver": arrival.same_receiver,
    }


def outlook_lines(summary: PreflightSummary) -> list[Text]:
    """The outlook in words: two lines for each receiver."""
    return [line for one in summary.receivers for line in (_limits_line(one), _arrival_line(one))]


def _limits_line(outlook: ReceiverOutlook) -> Text:
    name = party_label(outlook.receiver.party)
    if not outlook.HasField("limits"):
        return Text(
            f"{name.zh}：节点的上限和数据标准版本尚不清楚",
            f"{name.en}: limits and editions of the node are not known yet",
        )
    size, parts = format_bytes(outlook.limits.max_package_bytes), outlook.limits.max_parts
    editions = ", ".join(outlook.standard_editions)
    return Text(
        f"{name.zh}：上限 {size}、{parts} 件；数据标准 {editions}",
        f"{name.en}: takes up to {size} and {parts} parts; editions {editions}",
    )


def _arrival_line(outlook: ReceiverOutlook) -> Text:
    if not outlook.neighbour_reachable:
        via = party_label(outlook.via)
        return Text(
            f"  预计送达：暂不可知，{via.zh}节点目前没有应答；提交后将自动续传",
            f"  expected arrival: unknown, the node of {via.en} does not answer now; what is submitted waits for it",
        )
    if not outlook.HasField("expected_arrival"):
        return Text(
            "  预计送达：暂不可知，近期没有可参照的传输",
            "  expected arrival: unknown, nothing comparable arrived recently",
        )
    arrival = outlook.expected_arrival
    time, rate = duration_text(_seconds(arrival.duration)), format_bytes(arrival.bytes_per_second)
    ahead, seen = arrival.packages_ahead, arrival.observed_packages
    return Text(
        f"  预计送达：提交后约 {time.zh}（近期 {seen} 件，{rate}/秒；前面排队 {ahead} 件）",
        f"  expected arrival: about {time.en} after the submit ({seen} recent, {rate}/s; {ahead} ahead)",
    )


def duration_text(seconds: float) -> Text:
    """A time span as people say it, in its two largest units at most."""
    if seconds < _SHORTEST_SECONDS:
        return Text("1 秒以内", "a second")
    left, zh, en = round(seconds), list[str](), list[str]()
    for length, unit_zh, unit_en in _UNITS:
        count, left = divmod(left, length)
        if count:
            zh.append(f"{count} {unit_zh}")
            en.append(f"{count} {unit_en}")
    if left and len(zh) < len(_UNITS):
        zh.append(f"{left} 秒")
        en.append(f"{left} s")
    return Text(" ".join(zh), " ".join(en))


def _seconds(duration: Duration) -> float:
    return duration.ToMilliseconds() / 1000
