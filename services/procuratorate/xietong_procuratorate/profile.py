"""The procuratorate: its business system sends and decides everything."""

from __future__ import annotations

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.domain.profile import Profile, SystemProfile

PROFILE = Profile(
    Party.PARTY_PROCURATORATE,
    "检察院数据交换子系统",
    "Exchange node of the procuratorate",
    systems={
        # 检察业务应用系统2.0
        "prosecution": SystemProfile(frozenset({"contribute", "submit", "read", "decide"})),
    },
)
