"""The court: its business system sends and decides everything."""

from __future__ import annotations

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.domain.profile import Profile, SystemProfile

PROFILE = Profile(
    Party.PARTY_COURT,
    "法院数据交换子系统",
    "Exchange node of the court",
    systems={
        # 广州法院综合业务系统
        "trial": SystemProfile(frozenset({"contribute", "submit", "read", "decide"})),
    },
)
