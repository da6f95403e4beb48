"""The texts that the example is made of: the YAML files beside this module, read once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent

# An entry of a YAML file, or of the manifest in protobuf's JSON mapping: the contract says what it holds.
Entry = dict[str, Any]


@cache
def load(name: str) -> Entry:
    """The content of `NAME.yaml`. Callers must not change it."""
    content: Entry = yaml.safe_load((ROOT / f"{name}.yaml").read_text(encoding="utf-8"))
    return content


def case() -> Entry:
    """The facts of the case."""
    return load("case")


def document(key: str) -> Entry:
    """A document with the names behind its keys: organ, date and signatory."""
    entry = load("documents")[key]
    return {
        **entry,
        "organ": case()["organs"][entry["organ"]],
        "date": case()["dates"][entry["date"]],
        "signed_by": case()["officials"][entry["signed_by"]],
    }
