"""Generates what the documentation repeats of the code, or checks that it is up to date.

`docs/reference/errors.md` as a whole; in `docs/reference/configuration.md` the tables of the settings, whose
last column is written by hand and kept; in both READMEs the first client, which is `examples/first_client.py`.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from xietong.exchange.v1.error_reason_pb2 import ErrorReason
from xietong_exchange.domain.errors import XietongError, error_classes
from xietong_exchange.runtime.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
TAXONOMY = ROOT / "protos/xietong/exchange/v1/error_reason.proto"
FIRST_CLIENT = ROOT / "examples/first_client.py"
ERRORS = ROOT / "docs/reference/errors.md"
CONFIGURATION = ROOT / "docs/reference/configuration.md"
READMES = (ROOT / "README.md", ROOT / "README.zh-CN.md")

ERRORS_HEAD = """\
# Errors

Generated from `error_reason.proto` and `xietong_exchange.domain.errors` by `make reference`: do not edit.

Every error of every rpc is a `google.rpc.Status` in the trailer `grpc-status-details-bin`. Its details are:

| detail | holds |
|---|---|
| `ErrorInfo` | `reason` (the headings below), `domain` = `xietong`, and the facts that the sentences name as metadata |
| `LocalizedMessage` | the sentence in Chinese (`zh-CN`); the message of the status is the English one |
| `BadRequest` | with `INVALID_FIELD` and `PREFLIGHT_FAILED`: the fields or findings, 20 at most; \
`violation_count` and `finding_count` in ErrorInfo give the whole numbers |
| `RetryInfo` | when to try again, where a time is given below |
| `ResourceInfo` | what was not found, or is there already |

A status never exceeds 4 KiB. A reason that you do not know: go by the gRPC code. 'Tried again' means that the same
call may succeed later without a change; nodes and the SDK do so by themselves. `INTERNAL` carries `incident`, the
trace id under which the operators of the node find the defect. The same codes stand in `Reason.code` of evidence.
The SDK's own errors, for example a missing certificate, are in [cli.md](cli.md).

What never reaches the node's code is answered by gRPC itself, without `ErrorInfo`: UNAVAILABLE for no connection,
which a certificate of another CA is too; RESOURCE_EXHAUSTED for a message above 32 MiB or metadata above 16 KiB;
UNIMPLEMENTED for a call that this node does not offer, such as those of `GatewayService` at the hub.
"""


@dataclass(frozen=True)
class Entry:
    """A reason as the contract describes it."""

    name: str
    code: str
    meaning: str
    example: str


def taxonomy() -> list[Entry]:
    """The reasons in the order of the enum; fails when one of them could not be read."""
    blocks = re.findall(r"((?:  // .*\n)+)  ERROR_REASON_(\w+) = \d+;", TAXONOMY.read_text(encoding="utf-8"))
    entries = [_entry(name, re.sub(r"\s*\n\s*// |^\s*// ", " ", comment).strip()) for comment, name in blocks]
    found = ["ERROR_REASON_" + name for _, name in blocks]
    if found != ErrorReason.keys():
        raise SystemExit(f"{TAXONOMY.name}: can't read {set(ErrorReason.keys()).symmetric_difference(found)}")
    return [entry for entry in entries if entry.name != "UNSPECIFIED"]


def _entry(name: str, comment: str) -> Entry:
    code, _, rest = comment.partition(". ")
    meaning, _, example = rest.partition(" Example: ")
    return Entry(name, code, meaning, example)


def errors() -> str:
    """The page on errors."""
    classes = {cls.reason_name(): cls for cls in error_classes().values()}
    return "\n".join([ERRORS_HEAD, *(_section(entry, classes[entry.name]) for entry in taxonomy())])


def _section(entry: Entry, cls: type[XietongError]) -> str:
    if cls.code != entry.code:
        raise SystemExit(f"{entry.name}: the contract says {entry.code}, {cls.__name__} says {cls.code}")
    after = f" after {cls.retry_after_seconds:g} s" if cls.retry_after_seconds is not None else ""
    again = f"tried again{after}" if cls.retryable else "not tried again"
    return (
        f"## {entry.name}\n\n"
        f"`{entry.code}`, {again}. {entry.meaning} *Example:* {entry.example}\n\n"
        f"> {cls.sentence_en}\n>\n> {cls.sentence_zh}\n"
    )


def configuration(text: str) -> str:
    """The page on settings with its table anew; the meanings are kept."""
    meanings = dict(re.findall(r"^\| `([a-z_.<>\[\]]+)` \|.*\| ([^|]+) \|$", text, re.MULTILINE))
    rows = dict(_settings(Settings, ""))
    if unexplained := sorted(rows.keys() - meanings.keys()):
        names = ", ".join(unexplained)
        raise SystemExit(f"{CONFIGURATION.name}: add a row `| NAME | | | | MEANING |` for each of: {names}")
    head = "| setting | variable | type | default | meaning |\n|---|---|---|---|---|"
    return _between(
        text, "settings", "\n".join([head, *(f"{row} {meanings[n]} |" for n, row in rows.items())])
    )


def _settings(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    """Each setting with its row up to the meaning; a section gives way to its settings."""
    for name, field in model.model_fields.items():
        path = prefix + name
        if section := _model_of(field.annotation):
            yield from _settings(section, f"{path}.")
            continue
        variable = "" if "[]" in path else f"`XIETONG_{path.upper().replace('.', '__')}`"
        is_table = get_origin(field.annotation) is dict
        entries = list(filter(None, map(_model_of, get_args(field.annotation))))
        if not (is_table and entries):
            yield path, f"| `{path}` | {variable} | {_type(field.annotation)} | {_default(name, field)} |"
        for entry in entries:
            key = "process" if name == "processes" else "party"
            yield from _settings(entry, f"{path}.<{key}>." if is_table else f"{path}[].")


def _model_of(annotation: Any) -> type[BaseModel] | None:
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_model else None


def _type(annotation: Any) -> str:
    """A type in words of a settings file."""
    words = {bool: "`true` or `false`", str: "text", Path: "path", int: "whole number", float: "number"}
    options = [option for option in get_args(annotation) if option is not NoneType]
    if annotation in words:
        return words[annotation]
    if get_origin(annotation) is dict:
        return f"table of {_type(get_args(annotation)[1])}s"
    if get_origin(annotation) is Annotated:
        return _type(options[0])
    if get_origin(annotation) is list:
        return "array of tables"
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{option}`" for option in options)
    return _type(options[0])


def _default(name: str, field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default in (None, [], {}, ""):
        return "none"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return f"`{field.default}`{_in_words(field.default) if name.endswith('_bytes') else ''}"


def _in_words(size_bytes: int) -> str:
    """A round number of bytes as people say it."""
    power = next((power for power in (3, 2, 1) if size_bytes >= 1024**power), 0)
    return f" ({size_bytes / 1024**power:g} {('B', 'KiB', 'MiB', 'GiB')[power]})"


def first_client(text: str) -> str:
    """A README with the program that stands in the examples."""
    return _between(text, "first-client", f"```python\n{FIRST_CLIENT.read_text(encoding='utf-8')}```")


def _between(text: str, marker: str, content: str) -> str:
    begin, end = f"<!-- {marker} -->\n", f"\n<!-- /{marker} -->"
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise SystemExit(f"the markers {begin.strip()} and {end.strip()} are missing")
    return f"{before}{begin}{content}{end}{after}"


def wanted() -> Iterator[tuple[Path, str]]:
    """Each page with what it should hold."""
    yield ERRORS, errors()
    yield CONFIGURATION, configuration(CONFIGURATION.read_text(encoding="utf-8"))
    for readme in READMES:
        yield readme, first_client(readme.read_text(encoding="utf-8"))


def main() -> int:
    """Returns 1 when `--check` finds a page that differs from the code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when a page is stale")
    check_only = parser.parse_args().check
    stale = [
        (path, text)
        for path, text in wanted()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if not check_only:
        for path, text in stale:
            path.write_text(text, encoding="utf-8")
        return 0
    for path, _ in stale:
        print(f"stale: {path.relative_to(ROOT)}: run `make reference` and commit the result", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
