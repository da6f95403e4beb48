"""What `xietong preflight` says about the way: limits, editions, and when the package will arrive."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from tests.unit.client.commands import Xietong
from tests.unit.client.fake_node import FakeNode
from tests.unit.client.folders import write_folder

from xietong.exchange.v1.capabilities_pb2 import Limits
from xietong.exchange.v1.envelope_pb2 import Address, Lane, Party
from xietong.exchange.v1.gateway_drafts_pb2 import ExpectedArrival, ReceiverOutlook
from xietong_client.cli.exit_codes import ExitCode
from xietong_client.cli.outlook import duration_text

KNOWN = ReceiverOutlook(
    receiver=Address(party=Party.PARTY_PROCURATORATE),
    via=Party.PARTY_HUB,
    neighbour_reachable=True,
    limits=Limits(max_package_bytes=1 << 30, max_parts=100),
    standard_editions=["2026.1"],
    expected_arrival=ExpectedArrival(
        duration=Duration(seconds=190),
        lane=Lane.LANE_BULK,
        bytes_per_second=5 << 20,
        packages_ahead=2,
        observed_packages=7,
        same_receiver=True,
    ),
)


async def test_limits_and_arrival_are_told(xietong: Xietong, fake: FakeNode, tmp_path: Path) -> None:
    fake.outlooks = [KNOWN]
    folder = str(write_folder(tmp_path))
    result = await xietong("preflight", folder, "--json")
    assert result.code == ExitCode.OK
    [receiver] = result.json["receivers"]
    assert receiver["limits"]["max_parts"] == 100
    assert (receiver["expected_arrival"]["seconds"], receiver["expected_arrival"]["lane"]) == (190.0, "bulk")
    chinese, english = await xietong("preflight", folder, "--lang=zh"), await xietong("preflight", folder)
    assert "提交后约 3 分 10 秒（近期 7 件，5.0 MiB/秒；前面排队 2 件）" in chinese.out
    assert "about 3 min 10 s after the submit (7 recent, 5.0 MiB/s; 2 ahead)" in english.out
    assert "takes up to 1.0 GiB and 100 parts; editions 2026.1" in english.out


async def test_what_is_not_known_is_said_to_be_unknown(
    xietong: Xietong, fake: FakeNode, tmp_path: Path
) -> None:
    quiet = ReceiverOutlook(receiver=KNOWN.receiver, via=Party.PARTY_HUB, neighbour_reachable=True)
    away = ReceiverOutlook(receiver=KNOWN.receiver, via=Party.PARTY_HUB)
    fake.outlooks = [quiet, away]
    folder = str(write_folder(tmp_path))
    result = await xietong("preflight", folder)
    assert "nothing comparable arrived recently" in result.out
    assert "the node of hub does not answer now" in result.out
    views = (await xietong("preflight", folder, "--json")).json["receivers"]
    assert [(one["limits"], one["expected_arrival"]) for one in views] == [(None, None)] * 2


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0.02, "1 秒以内", "a second"),
        (59.4, "59 秒", "59 s"),
        (60, "1 分", "1 min"),
        (7265, "2 小时 1 分", "2 h 1 min"),
        (7205, "2 小时 5 秒", "2 h 5 s"),
    ],
)
def test_a_time_span_is_said_in_two_units_at_most(seconds: float, zh: str, en: str) -> None:
    assert (duration_text(seconds).zh, duration_text(seconds).en) == (zh, en)
