"""The police: the case-handling system sends and decides, the evidence archive brings and keeps dossiers and media."""

from __future__ import annotations

from xietong.casefile.v1.manifest_pb2 import PartKind
from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.domain.profile import Profile, SystemProfile

_ARCHIVED = frozenset(
    {
        PartKind.PART_KIND_DOSSIER,
        PartKind.PART_KIND_AUDIO,
        PartKind.PART_KIND_VIDEO,
        PartKind.PART_KIND_IMAGE,
    }
)

PROFILE = Profile(
    Party.PARTY_POLICE,
    "公安数据交换子系统",
    "Exchange node of the police",
    systems={
        # 警综平台新执法办案系统
        "case-handling": SystemProfile(frozenset({"contribute", "submit", "read", "decide"})),
        # 121案件物证档案管理系统
        "evidence-archive": SystemProfile(frozenset({"contribute", "read"}), reads=_ARCHIVED),
    },
)
