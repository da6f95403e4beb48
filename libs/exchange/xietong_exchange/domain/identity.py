"""Who a certificate speaks for: the SPIFFE-style identity in its URI SAN (design: trust)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_exchange.domain.party import party_by_name, party_name

# RFC 1123 section 2.1, in lower case as SPIFFE demands.
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_URI = re.compile(
    rf"spiffe://(?P<trust_domain>{_LABEL}(?:\.{_LABEL})*)/(?P<party>{_LABEL})"
    rf"/(?P<role>exchange|operator|signer|system)(?:/(?P<name>{_LABEL}))?"
)
_MAX_URI_BYTES = 2048  # SPIFFE-ID section 2.3


class Role(StrEnum):
    """What the holder of a certificate is, by the word in its URI."""

    EXCHANGE = "exchange"
    """A party's exchange node, or the hub."""
    SYSTEM = "system"
    """A business system; it alone has a name."""
    OPERATOR = "operator"
    """An operator of the party."""
    SIGNER = "signer"
    """The key with which a node signs. It never calls."""


@dataclass(frozen=True, slots=True)
class Identity:
    """An identity of a trust domain. `name` is the business system's, empty for every other role."""

    trust_domain: str
    party: Party.ValueType
    role: Role
    name: str = ""

    @classmethod
    def parse(cls, uri: str) -> Self | None:
        """Read `spiffe://<trust-domain>/<party>/<role>[/<name>]`; None for any other text."""
        match = _URI.fullmatch(uri) if len(uri) <= _MAX_URI_BYTES else None
        if match is None:
            return None
        party, role, name = party_by_name(match["party"]), Role(match["role"]), match["name"] or ""
        if party is None or (role is Role.SYSTEM) != bool(name):
            return None
        return cls(match["trust_domain"], party, role, name)

    @property
    def path(self) -> str:
        """The part behind the trust domain, e.g. `police/system/case-handling`, for messages and logs."""
        return "/".join(filter(None, (party_name(self.party), self.role, self.name)))

    @property
    def uri(self) -> str:
        """The identity as it stands in a certificate."""
        return f"spiffe://{self.trust_domain}/{self.path}"
