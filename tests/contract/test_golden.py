"""The golden bytes of the contract: what vendors compare with, our own code must agree with."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.json_format import Parse
from google.protobuf.message import Message

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.envelope_pb2 import Envelope, Signature, SignedEnvelope
from xietong.exchange.v1.evidence_pb2 import Statement
from xietong_exchange.domain.envelope import open_envelope
from xietong_exchange.domain.evidence import read_statement
from xietong_exchange.domain.limits import Limits

FOLDER = Path(__file__).parents[2] / "protos" / "xietong" / "testdata"
MESSAGES: dict[str, type[Message]] = {"manifest": Manifest, "envelope": Envelope, "statement": Statement}


def golden(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


@pytest.fixture(scope="module")
def vectors() -> dict[str, bytes]:
    lines = golden("vectors.txt").decode().splitlines()
    return {name: bytes.fromhex(value) for name, value in (line.split() for line in lines)}


@pytest.mark.parametrize("name", MESSAGES)
def test_bytes_and_json_are_the_same_message(name: str) -> None:
    kind = MESSAGES[name]
    from_bytes = kind.FromString(golden(f"{name}.binpb"))
    assert from_bytes == Parse(golden(f"{name}.json"), kind())
    assert from_bytes.SerializeToString(deterministic=True) == golden(f"{name}.binpb")


def test_the_engine_reads_the_envelope_and_finds_its_seal(vectors: dict[str, bytes]) -> None:
    package = open_envelope(
        SignedEnvelope(envelope=golden("envelope.binpb"), signature=Signature()), Limits()
    )
    assert package.seal == vectors["seal"]
    for number, file in enumerate(("manifest.binpb", "part-1.txt")):
        part = package.envelope.parts[number]
        assert (part.size_bytes, part.digest.value) == (
            len(golden(file)),
            hashlib.sha256(golden(file)).digest(),
        )


def test_the_engine_reads_the_statement(vectors: dict[str, bytes]) -> None:
    statement = read_statement(golden("statement.binpb"))
    assert statement.seal.value == vectors["seal"]
    assert statement.receiver_case_number == "示检受〔2026〕1号"


@pytest.mark.parametrize(("subject", "file"), [("Envelope", "envelope"), ("Statement", "statement")])
def test_signatures_are_over_kind_zero_and_bytes(subject: str, file: str, vectors: dict[str, bytes]) -> None:
    key = Ed25519PublicKey.from_public_bytes(vectors["public_key"])
    message = f"xietong.exchange.v1.{subject}".encode() + b"\0" + golden(f"{file}.binpb")
    key.verify(vectors[f"{file}_signature"], message)
