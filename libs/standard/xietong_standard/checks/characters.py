"""Whether texts survived their way through systems: lost, garbled, private and invisible characters.

A clean manifest is looked at once, as bytes: only where these hold something suspicious are the texts read one by one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from xietong_standard.checks.sources import CONTRACT, Source
from xietong_standard.checks.submission import Submission
from xietong_standard.verdict import Finding, error, warning

_TEXT_RULES = Source(
    "xietong.casefile.v1；文字错乱检查规则（设计） / rules on garbled text (design)", "design"
)

LOST = error(
    "XT-TXT-01",
    (
        "“{path}”含有替换符 U+FFFD，原字已经丢失",
        "'{path}' holds U+FFFD: a character was lost",
    ),
    (
        "请在来源系统中重新填写，并检查其编码转换（GB18030、UTF-8）",
        "type it again in its system, and have its conversion between encodings checked",
    ),
    _TEXT_RULES,
)
GARBLED = warning(
    "XT-TXT-02",
    (
        "“{path}”疑为编码转换错误造成的乱码",
        "'{path}' looks like text that was read in a wrong encoding",
    ),
    (
        "请与原文核对后重新填写",
        "compare it with the original and type it again",
    ),
    _TEXT_RULES,
)
PRIVATE = warning(
    "XT-TXT-03",
    (
        "“{path}”含有自造字（私用区字符 {character}），其他系统无法显示",
        "'{path}' holds a private-use character ({character}), which other systems can't show",
    ),
    (
        "请改用 Unicode 已收录的字（GB 18030-2022）；确无收录的请附说明",
        "use the character that Unicode has for it; where there is none, tell it in words",
    ),
    _TEXT_RULES,
)
NOT_COMPOSED = warning(
    "XT-TXT-04",
    (
        "“{path}”不是规范的组合形式（NFC），同一文字可能比对不上",
        "'{path}' is not in normalisation form C: equal texts may not be found equal",
    ),
    ("请由来源系统按 NFC 输出", "have its system write form C"),
    CONTRACT,
)
INVISIBLE = warning(
    "XT-TXT-05",
    (
        "“{path}”含有不可见字符 {character}",
        "'{path}' holds an invisible character ({character})",
    ),
    ("请删除后重新填写", "remove it and type the text again"),
    _TEXT_RULES,
)
RULES = (LOST, GARBLED, PRIVATE, NOT_COMPOSED, INVISIBLE)

# GBK read as UTF-8 and back, uninitialised memory of compilers, and UTF-8 read as GBK or Latin-1.
_GARBLED = re.compile(
    r"锟斤拷|烫烫烫|屯屯屯|浣犲ソ|鐨勮|鍙风爜|ï¿½|Ã[\u0080-\u00bf¤-¿]|â€[œ\u009d™˜]|[äåæçèé][\u0080-\u00bf]{2}"
)
_PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010fffd]")
# C1 controls, zero-width characters and marks that turn the direction of writing.
_INVISIBLE = re.compile("[\u0080-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u00ad]")
# The same in UTF-8, and the first characters of what is garbled.
_SUSPICIOUS = re.compile(
    b"\xef\xbf\xbd|\xee[\x80-\xbf]|\xef[\x80-\xa3]|\xf3[\xb0-\xbf]|\xf4[\x80-\x8f]"
    b"|\xc2[\x80-\x9f\xad]|\xe2\x80[\x8b-\x8f\xa8-\xae]|\xe2\x81[\xa0-\xa9]|\xef\xbb\xbf"
    b"|\xe9\x94\x9f\xe6\x96\xa4|\xe7\x83\xab\xe7\x83\xab|\xe5\xb1\xaf\xe5\xb1\xaf|\xe6\xb5\xa3\xe7\x8a\xb2"
    b"|\xe9\x90\xa8\xe5\x8b|\xe9\x8d\x99\xe9\xa3|\xc3\xaf\xc2\xbf|\xc3\x83|\xc3\xa2\xe2\x82\xac|\xc3[\xa4-\xa9]\xc2"
)


def check(submission: Submission) -> Iterator[Finding]:
    """Findings on texts. Names of files are the contract's matter as far as it forbids characters."""
    encoded = submission.manifest.SerializeToString()
    # Decoded whole, the bytes between the texts can only add suspicion, never take it away.
    composed = unicodedata.is_normalized("NFC", encoded.decode("utf-8", errors="ignore"))
    if composed and _SUSPICIOUS.search(encoded) is None:
        return
    for path, text in _texts(submission.manifest, ""):
        if not text.isascii():
            yield from _text(path, text)


def _text(path: str, text: str) -> Iterator[Finding]:
    if "\ufffd" in text:
        yield LOST.at(path)
    if _GARBLED.search(text):
        yield GARBLED.at(path)
    if found := _PRIVATE.search(text):
        yield PRIVATE.at(path, character=_code_point(found[0]))
    if not unicodedata.is_normalized("NFC", text):
        yield NOT_COMPOSED.at(path)
    if found := _INVISIBLE.search(text):
        yield INVISIBLE.at(path, character=_code_point(found[0]))


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"


def _texts(message: Message, prefix: str) -> Iterator[tuple[str, str]]:
    """Every text of a message with its path."""
    for field, value in message.ListFields():
        path = f"{prefix}{field.name}"
        entries = (
            [(f"{path}[{index}]", entry) for index, entry in enumerate(value)]
            if field.is_repeated
            else [(path, value)]
        )
        if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
            yield from entries
        elif field.message_type is not None:
            for entry_path, entry in entries:
                yield from _texts(entry, f"{entry_path}.")
