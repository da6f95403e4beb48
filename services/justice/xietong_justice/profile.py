"""The justice bureau: the legal-aid system sends and decides everything."""

from __future__ import annotations

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.domain.profile import Profile, SystemProfile

PROFILE = Profile(
    Party.PARTY_JUSTICE,
    "司法局数据交换子系统",
    "Exchange node of the justice bureau",
    systems={
        # 广州市法律援助信息管理系统
        "legal-aid": SystemProfile(frozenset({"contribute", "submit", "read", "decide"})),
    },
)
