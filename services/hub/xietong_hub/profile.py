"""The hub relays for all parties; no business system is behind it."""

from __future__ import annotations

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.domain.profile import Profile

PROFILE = Profile(Party.PARTY_HUB, "中心平台", "Hub", relays=True)
