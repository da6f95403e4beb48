"""Makes the golden bytes of the contract in protos/xietong/testdata: messages as JSON, as bytes, and what is computed.

Vendors compare their own implementation with them; tests/contract/test_golden.py holds ours against them. They change
only with a new version of the contract.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.json_format import MessageToJson, ParseDict
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong.exchange.v1.envelope_pb2 import DigestAlgorithm, Envelope, Party
from xietong.exchange.v1.evidence_pb2 import EvidenceKind, Statement

FOLDER = Path(__file__).parent.parent / "protos" / "xietong" / "testdata"
KEY = hashlib.sha256(b"xietong golden key: public, for tests only").digest()
FILE = "提请批准逮捕书的内容\n".encode()


def manifest() -> Manifest:
    """A small manifest with what garbles text elsewhere: `·`, a rare character, full-width digits."""
    return ParseDict(
        {
            "process_code": "PB-01",
            "standard_edition": "2026.1",
            "case": {
                "name": "阿诺·样本等二人盗窃案",
                "numbers": [{"kind": "CASE_NUMBER_KIND_POLICE", "number": "A4401990000012026030001"}],
                "filing_date": "2026-03-02",
                "offence_place": "示例市样本路１２号",
            },
            "persons": [
                {
                    "id": "p1",
                    "collaboration_person_id": "7d1f4b0e-5c8a-4a57-9d0e-2f6b1c3a4d5e",
                    "roles": ["PERSON_ROLE_SUSPECT"],
                    "name": "甲某𤩽",
                }
            ],
            "documents": [
                {"kind": {"name": "提请批准逮捕书"}, "part": "提请批准逮捕书.pdf", "seal_count": 1}
            ],
            "parts": [
                {
                    "number": 1,
                    "name": "提请批准逮捕书.pdf",
                    "kind": "PART_KIND_DOCUMENT",
                    "media_type": "application/pdf",
                    "size_bytes": len(FILE),
                    "sha256": hashlib.sha256(FILE).hexdigest(),
                }
            ],
        },
        Manifest(),
    )


def envelope(content: bytes) -> Envelope:
    """The envelope of that manifest and one file."""
    made = ParseDict(
        {
            "package_id": "019a0000-0000-7000-8000-000000000001",
            "send_id": "019a0000-0000-7000-8000-000000000002",
            "process_code": "PB-01",
            "standard_edition": "2026.1",
            "sender": {"party": "PARTY_POLICE", "organ_code": "440199000001", "system": "case-handling"},
            "receiver": {"party": "PARTY_PROCURATORATE"},
            "collaboration_case_id": "0b2f7f7c-3f0c-4b7b-8a51-6c1de2f30001",
            "case_numbers": [{"party": "PARTY_POLICE", "number": "A4401990000012026030001"}],
            "classification": "CLASSIFICATION_UNCLASSIFIED",
            "create_time": "2026-03-05T02:30:00Z",
            "trace_context": {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
            "supervision": {
                "person_ids": ["7d1f4b0e-5c8a-4a57-9d0e-2f6b1c3a4d5e"],
                "events": [{"kind": "detention", "time": "2026-03-02T16:00:00Z"}],
            },
        },
        Envelope(),
    )
    for number, data in enumerate((content, FILE)):
        part = made.parts.add(number=number, size_bytes=len(data))
        part.digest.algorithm = DigestAlgorithm.DIGEST_ALGORITHM_SHA256
        part.digest.value = hashlib.sha256(data).digest()
    return made


def statement(seal: bytes) -> Statement:
    """The receiver's acceptance of that package."""
    made = Statement(
        evidence_id="019a0000-0000-7000-8000-000000000003",
        package_id="019a0000-0000-7000-8000-000000000001",
        kind=EvidenceKind.EVIDENCE_KIND_ACCEPTED,
        stated_by=Party.PARTY_PROCURATORATE,
        event_time=moment(2026, 3, 5, 3, 0),
        system="prosecution",
        receiver_case_number="示检受〔2026〕1号",
    )
    made.seal.algorithm, made.seal.value = DigestAlgorithm.DIGEST_ALGORITHM_SHA256, seal
    made.actor.organ_code, made.actor.handler_ref = "440199000002", "工号-0007"
    return made


def moment(*when: int) -> Timestamp:
    """A UTC time."""
    stamp = Timestamp()
    stamp.FromDatetime(datetime(*when, tzinfo=UTC))  # type: ignore[arg-type, misc]  # year to minute
    return stamp


def signed(subject: str, content: bytes) -> bytes:
    """The Ed25519 signature as the contract defines it: kind of message, a zero byte, the bytes."""
    return Ed25519PrivateKey.from_private_bytes(KEY).sign(
        f"xietong.exchange.v1.{subject}".encode() + b"\0" + content
    )


def write(name: str, message: Message) -> bytes:
    """Write a message as JSON and as bytes; returns the bytes."""
    raw = message.SerializeToString(deterministic=True)
    text = MessageToJson(message, preserving_proto_field_name=True, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    (FOLDER / f"{name}.binpb").write_bytes(raw)
    return raw


def main() -> None:
    """Write all files."""
    content = write("manifest", manifest())
    sealed = write("envelope", envelope(content))
    seal = hashlib.sha256(sealed).digest()
    stated = write("statement", statement(seal))
    values = {
        "seal": seal.hex(),
        "public_key": Ed25519PrivateKey.from_private_bytes(KEY).public_key().public_bytes_raw().hex(),
        "envelope_signature": signed("Envelope", sealed).hex(),
        "statement_signature": signed("Statement", stated).hex(),
    }
    lines = "".join(f"{name} {value}\n" for name, value in values.items())
    (FOLDER / "vectors.txt").write_text(lines, encoding="utf-8")
    (FOLDER / "part-1.txt").write_bytes(FILE)


if __name__ == "__main__":
    main()
