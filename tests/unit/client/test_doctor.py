"""What the doctor tells an operator about the disk of a node and the quotas of the parties."""

from __future__ import annotations

import pytest

from xietong.exchange.v1.envelope_pb2 import Party
from xietong.exchange.v1.operations_service_pb2 import GetStatusResponse, PartyUsage
from xietong_client.doctor import Verdict, storage_checks

GIB = 1024**3


@pytest.mark.parametrize(
    ("free", "promised", "reserve", "verdict"),
    [
        (100, 0, 10, Verdict.OK),
        (100, 81, 10, Verdict.WARNING),
        (100, 91, 10, Verdict.FAILED),
        (9, 0, 10, Verdict.FAILED),
        (0, 0, 0, Verdict.OK),
    ],
)
def test_promised_space_counts_as_used(free: int, promised: int, reserve: int, verdict: Verdict) -> None:
    status = GetStatusResponse(
        free_bytes=free * GIB, promised_bytes=promised * GIB, reserve_bytes=reserve * GIB
    )
    [check] = storage_checks(status)
    assert check.verdict is verdict
    assert f"{promised}.0 GiB" in check.text.en
    assert bool(check.remedy.zh) is (verdict is not Verdict.OK)


@pytest.mark.parametrize(
    ("kept", "promised", "verdict"),
    [(4, 4, Verdict.OK), (5, 4, Verdict.WARNING), (6, 4, Verdict.FAILED)],
)
def test_a_quota_that_is_nearly_used_up_is_told(kept: int, promised: int, verdict: Verdict) -> None:
    mine = PartyUsage(
        party=Party.PARTY_POLICE, kept_bytes=kept * GIB, promised_bytes=promised * GIB, quota_bytes=10 * GIB
    )
    free_of_quota = PartyUsage(party=Party.PARTY_COURT, kept_bytes=1 << 60)
    [_, check] = storage_checks(GetStatusResponse(free_bytes=GIB, usage=[mine, free_of_quota]))
    assert check.verdict is verdict
    assert "police" in check.text.en
