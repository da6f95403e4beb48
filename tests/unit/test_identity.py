"""Identities in certificates: what is one, and what only looks like one."""

from __future__ import annotations

from pathlib import Path

import pytest

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_client import pki
from xietong_exchange.domain.identity import Identity, Role
from xietong_exchange.domain.party import PARTY_NAMES

DOMAIN = "xietong.test"


@pytest.mark.parametrize("party", PARTY_NAMES)
@pytest.mark.parametrize(
    ("role", "name"),
    [(Role.EXCHANGE, ""), (Role.OPERATOR, ""), (Role.SIGNER, ""), (Role.SYSTEM, "case-handling")],
)
def test_every_identity_is_read_back_from_its_uri(party: Party.ValueType, role: Role, name: str) -> None:
    identity = Identity(DOMAIN, party, role, name)
    assert Identity.parse(identity.uri) == identity


def test_the_identities_of_the_development_pki_are_understood(tmp_path: Path) -> None:
    for issued in (files.identity for files in pki.init(tmp_path)):
        read = Identity.parse(issued.uri(DOMAIN))
        assert read is not None
        assert read.path == issued.path
        assert (read.role.value, read.name) == (issued.role.value, issued.system)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "spiffe://",
        "spiffe://xietong.test",
        "spiffe://xietong.test/",
        "spiffe://xietong.test/police",
        "spiffe:///police/exchange",
        "spiffe://xietong.test/police/exchange/",
        "spiffe://xietong.test//police/exchange",
        "spiffe://xietong.test/police/exchange/case-handling",
        "spiffe://xietong.test/police/operator/zhang",
        "spiffe://xietong.test/police/system",
        "spiffe://xietong.test/police/system/",
        "spiffe://xietong.test/police/system/a/b",
        "spiffe://xietong.test/police/system/-a",
        "spiffe://xietong.test/police/system/..",
        "spiffe://xietong.test/police/system/" + "a" * 64,
        "spiffe://xietong.test/police/system/案件",
        "spiffe://xietong.test/police/admin",
        "spiffe://xietong.test/customs/exchange",
        "spiffe://xietong.test/unknown-0/exchange",
        "spiffe://xietong.test/police/exchange\n",
        "spiffe://xietong.test/police/exchange\x00",
        " spiffe://xietong.test/police/exchange",
        "spiffe://xietong.test/Police/exchange",
        "spiffe://XIETONG.TEST/police/exchange",
        "SPIFFE://xietong.test/police/exchange",
        "spiffe://xietong..test/police/exchange",
        "spiffe://xietong.test:8443/police/exchange",
        "spiffe://user@xietong.test/police/exchange",
        "spiffe://xietong.test/police/exchange?role=operator",
        "spiffe://xietong.test/police/exchange#operator",
        "spiffe://xietong.test/police/%65xchange",
        "https://xietong.test/police/exchange",
        "spiffe://" + "a." * 1200 + "test/police/exchange",
    ],
)
def test_anything_else_is_no_identity(uri: str) -> None:
    assert Identity.parse(uri) is None


def test_an_identity_is_shown_without_its_trust_domain() -> None:
    identity = Identity.parse("spiffe://xietong.test/police/system/case-handling")
    assert identity == Identity(DOMAIN, Party.PARTY_POLICE, Role.SYSTEM, "case-handling")
    assert identity.path == "police/system/case-handling"


def test_roles_are_the_words_of_the_uri() -> None:
    assert [role.value for role in Role] == ["exchange", "system", "operator", "signer"]
