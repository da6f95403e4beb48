"""The parties by name: the form in which certificates, settings, logs and the part store write them."""

from __future__ import annotations

from typing import Final

from xietong.exchange.v1.envelope_pb2 import Party

PARTY_NAMES: Final = {
    Party.PARTY_POLICE: "police",
    Party.PARTY_PROCURATORATE: "procuratorate",
    Party.PARTY_COURT: "court",
    Party.PARTY_JUSTICE: "justice",
    Party.PARTY_HUB: "hub",
    Party.PARTY_PRISON: "prison",
    Party.PARTY_COMMUNITY_CORRECTION: "community-correction",
}
_BY_NAME: Final = {name: party for party, name in PARTY_NAMES.items()}


def party_name(party: Party.ValueType) -> str:
    """Name of a party; `unknown-<number>` for one that a newer contract added."""
    return PARTY_NAMES.get(party, f"unknown-{int(party)}")


def party_by_name(name: str) -> Party.ValueType | None:
    """The party with this name, None when there is none."""
    return _BY_NAME.get(name)
