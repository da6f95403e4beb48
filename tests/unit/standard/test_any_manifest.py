"""Whatever a manifest holds gets a verdict: manifests of random values, built from the contract's own descriptors."""

from __future__ import annotations

import random
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from xietong.casefile.v1.manifest_pb2 import Manifest
from xietong_standard import Edition, validate

# Values at the edge of what rules read: dates, terms, numbers, kinds, names of tables, and characters that went wrong.
_TEXTS = (
    *("", "x", "{x}", "p-1", "p-2", "\x00", "\ufffd", "\ue000", "e\u0301", "a\u200b", "𠮷·"),
    *("0001-01-01", "9999-12-31", "9998-12-31", "2026-02-30", "2026-W01-1", "2008-02-29", "P99Y99M999D", "P"),
    *("(2026)粤01刑初1号", "示字〔2026〕1号", "11010519491231002X", "９" * 18, "99" * 9),
    *("死刑", "有期徒刑", "附条件不起诉", "退回补充侦查", "批准逮捕", "不批准逮捕", "开庭", "宣告无罪"),
    *("GB/T 2260", "GB/T 3304", "offence", "盗窃", "盗窃罪", "照片", "聋人", "示例国", "证据卷", "工作卷"),
    *("犯罪嫌疑人的第一次讯问笔录", "讯问笔录（p-1）", "a.exe", "CON", "a.pdf"),
)
_SECONDS = (0, -62_135_596_801, 253_402_300_800, 2**63 - 1, -(2**63), 1_768_176_000, 1_788_176_000)
_SHARE_OF_FIELDS = 0.65
_VALUES: dict[int, tuple[Any, ...]] = {
    FieldDescriptor.CPPTYPE_STRING: _TEXTS,
    FieldDescriptor.CPPTYPE_BOOL: (True, False),
    FieldDescriptor.CPPTYPE_ENUM: (0, 1, 2, 3, 5, 6, 99),
    FieldDescriptor.CPPTYPE_UINT32: (0, 1, 2, 3, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 1, 2**64 - 1),
}


def fill(message: Message, chance: random.Random) -> None:
    """Gives most fields of a message one to three random values, at any depth."""
    if isinstance(message, Timestamp):
        message.seconds, message.nanos = chance.choice(_SECONDS), chance.choice((0, -5, 2**31 - 1))
        return
    for field in message.DESCRIPTOR.fields:
        if chance.random() > _SHARE_OF_FIELDS:
            continue
        value = getattr(message, field.name)
        for _ in range(chance.randint(1, 3) if field.is_repeated else 1):
            if field.message_type is not None:
                fill(value.add() if field.is_repeated else value, chance)
            elif field.is_repeated:
                value.append(chance.choice(_VALUES[field.cpp_type]))
            else:
                setattr(message, field.name, chance.choice(_VALUES[field.cpp_type]))


@pytest.mark.parametrize("seed", range(60))
def test_any_manifest_gets_a_verdict(edition: Edition, seed: int) -> None:
    chance, manifest = random.Random(seed), Manifest()
    fill(manifest, chance)
    code = chance.choice([code for code, process in edition.processes.items() if not process.technical])
    judged = validate(manifest, code, edition, sender="POLICE", receiver="PROCURATORATE")
    assert judged.errors
    assert judged == validate(manifest, code, edition, sender="POLICE", receiver="PROCURATORATE")
