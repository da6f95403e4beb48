"""The parties by name, as certificates, settings, logs and the part store write them, and by title, as people do."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_standard.text import Text

PARTY_NAMES: Final = {
    Party.PARTY_POLICE: "police",
    Party.PARTY_PROCURATORATE: "procuratorate",
    Party.PARTY_COURT: "court",
    Party.PARTY_JUSTICE: "justice",
    Party.PARTY_HUB: "hub",
    Party.PARTY_PRISON: "prison",
    Party.PARTY_COMMUNITY_CORRECTION: "community-correction",
}
_TITLES: Final[Mapping[Party.ValueType, Text]] = MappingProxyType(
    {
        Party.PARTY_POLICE: Text("公安机关", "the police"),
        Party.PARTY_PROCURATORATE: Text("人民检察院", "the procuratorate"),
        Party.PARTY_COURT: Text("人民法院", "the court"),
        Party.PARTY_JUSTICE: Text("司法局", "the justice bureau"),
        Party.PARTY_HUB: Text("中心平台", "the hub"),
        Party.PARTY_PRISON: Text("监狱", "the prison"),
        Party.PARTY_COMMUNITY_CORRECTION: Text("社区矫正机构", "community correction"),
    }
)
_OTHER: Final = Text("其他单位", "another party")
_BY_NAME: Final = {name: party for party, name in PARTY_NAMES.items()}


def party_name(party: Party.ValueType) -> str:
    """Name of a party; `unknown-<number>` for one that a newer contract added."""
    return PARTY_NAMES.get(party, f"unknown-{int(party)}")


def party_by_name(name: str) -> Party.ValueType | None:
    """The party with this name, None when there is none."""
    return _BY_NAME.get(name)


def party_title(party: Party.ValueType) -> Text:
    """What people call a party, as it stands in a sentence."""
    return _TITLES.get(party, _OTHER)


def in_chinese(name: str) -> str:
    """The Chinese title of the party with this name; anything else as it is."""
    party = _BY_NAME.get(name)
    return name if party is None else _TITLES[party].zh
