"""Holds the repository to its own style: sizes, names, docstrings, reasons, one reader of the environment.

What ruff, mypy and import-linter can check they check; here stands the rest. Each test lists every offender.
"""

import ast
import io
import os
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOT_OURS = {".hypothesis", ".git", ".venv", "var", "__pycache__", "node_modules", "third_party"}
GENERATED = (ROOT / "libs/contract/xietong", ROOT / "libs/contract/buf")

FILE_LINES = 400
PROTO_LINES = 300
FUNCTION_LINES = 60
DOCSTRING_LINES = 5

EMPTY_WORDS = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}
ENVIRONMENT_READERS = {
    ROOT / "libs/exchange/xietong_exchange/runtime/settings.py",
    ROOT / "libs/client/xietong_client/settings.py",
    ROOT / "services/console/xietong_console/settings.py",
    ROOT / "libs/client/xietong_client/quiet_grpc.py",  # sets what gRPC reads before any settings are
}
ENVIRONMENT_NAMES = {"BaseSettings", "environ", "environb", "getenv"}

# Joined here, so that this file itself names no registry.
REGISTRIES = [
    ".".join(labels)
    for labels in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("deb", "debian", "org"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
        ("maven", "org"),
        ("nuget", "org"),
    )
]
MACHINE_PATH = re.compile(r"(?<![\w.~$})-])/(?:work|root|home|Users)/\w")

DIRECTIVE = re.compile(
    r"#\s*(?:noqa(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?|type:\s*ignore(?:\[[^]]*])?|pragma:\s*no cover)"
)
REASON = re.compile(r"[^\W\d_]{3,}")


@cache
def files() -> list[Path]:
    """Every file of the repository that people write."""
    found = []
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = [
            name
            for name in subfolders
            if name not in NOT_OURS and not name.endswith("_cache") and Path(folder, name) not in GENERATED
        ]
        found += [
            Path(folder, name) for name in names if name not in NOT_OURS
        ]  # .git is a file in a worktree
    return sorted(found)


@cache
def modules() -> dict[Path, ast.Module]:
    """Every handwritten Python file, parsed."""
    return {path: ast.parse(path.read_text(), path) for path in files() if path.suffix == ".py"}


def shipped() -> Iterator[tuple[Path, ast.Module]]:
    """The modules that run in production or at a user's."""
    for path, tree in modules().items():
        if path.relative_to(ROOT).parts[0] in {"libs", "services", "systems"}:
            yield path, tree


def at(path: Path, line: int = 1) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def report(offenders: list[str]) -> str:
    return "\n" + "\n".join(offenders)


def test_there_is_something_to_check() -> None:
    assert ROOT / "tools/generate_stubs.py" in modules()
    assert any(path.suffix == ".proto" for path in files())


def test_files_stay_short() -> None:
    limits = {".py": FILE_LINES, ".proto": PROTO_LINES}
    lengths = {path: len(path.read_text().splitlines()) for path in files() if path.suffix in limits}
    offenders = [
        f"{at(path)}: {lines} lines, at most {limits[path.suffix]}: split it"
        for path, lines in lengths.items()
        if lines > limits[path.suffix]
    ]
    assert not offenders, report(offenders)


def test_functions_stay_short() -> None:
    offenders = []
    for path, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    offenders.append(
                        f"{at(path, node.lineno)}: {node.name} has {lines} lines, at most {FUNCTION_LINES}"
                    )
    assert not offenders, report(offenders)


def test_names_say_what_a_module_is_for() -> None:
    offenders = []
    for path in modules():
        words = {word for part in path.relative_to(ROOT).with_suffix("").parts for word in part.split("_")}
        offenders += [
            f"{at(path)}: `{word}` says nothing about its content" for word in sorted(words & EMPTY_WORDS)
        ]
    assert not offenders, report(offenders)


def test_every_module_says_why_it_exists() -> None:
    offenders = []
    for path, tree in modules().items():
        lines = [line for line in (ast.get_docstring(tree) or "").splitlines() if line.strip()]
        if not 1 <= len(lines) <= DOCSTRING_LINES:
            offenders.append(f"{at(path)}: a docstring of 1 to {DOCSTRING_LINES} lines, not {len(lines)}")
    assert not offenders, report(offenders)


def comments(path: Path) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def test_every_ignored_finding_carries_its_reason() -> None:
    offenders = [
        f"{at(path, line)}: say behind `{found.group()}` why"
        for path in modules()
        for line, comment in comments(path)
        for found in DIRECTIVE.finditer(comment)
        if not REASON.search(DIRECTIVE.sub("", comment[found.end() :]))
    ]
    assert not offenders, report(offenders)


def skips(tree: ast.Module) -> Iterator[tuple[int, bool]]:
    """Each skip, skipif or xfail of pytest: its line, and whether a reason is given."""
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Attribute) and node.attr in {"skip", "skipif", "xfail", "importorskip"}):
            continue
        if not ast.unparse(node).startswith(("pytest.", "mark.")):
            continue
        call = calls.get(id(node))
        named = call is not None and any(keyword.arg == "reason" for keyword in call.keywords)
        direct = call is not None and bool(call.args) and node.attr in {"skip", "xfail"}
        yield node.lineno, named or direct


def test_every_skipped_test_carries_its_reason() -> None:
    offenders = [
        f"{at(path, line)}: give `reason=`"
        for path, tree in modules().items()
        for line, has_reason in skips(tree)
        if not has_reason
    ]
    assert not offenders, report(offenders)


def test_every_pin_carries_its_reason() -> None:
    lines = [
        (path, number, line)
        for path in sorted((ROOT / "requirements").glob("*.in"))
        for number, line in enumerate(path.read_text().splitlines(), start=1)
    ]
    offenders = [
        f"{at(path, number)}: say behind the pin why"
        for path, number, line in lines
        if re.match(r"[^#]*(==|<)", line) and "#" not in line
    ]
    assert lines
    assert not offenders, report(offenders)


def environment_reads(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT_NAMES:
            yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, alias.name) for alias in node.names if alias.name in ENVIRONMENT_NAMES)


def test_the_environment_is_read_in_one_place() -> None:
    offenders = [
        f"{at(path, line)}: `{name}` belongs in the settings; pass what you need as an argument"
        for path, tree in shipped()
        if path not in ENVIRONMENT_READERS
        for line, name in environment_reads(tree)
    ]
    assert not offenders, report(offenders)


def text_lines() -> Iterator[tuple[Path, int, str]]:
    for path in files():
        try:
            content = path.read_text()
        except UnicodeDecodeError:
            continue
        yield from ((path, number, line) for number, line in enumerate(content.splitlines(), start=1))


def test_nothing_names_a_registry_or_a_path_of_one_machine() -> None:
    offenders = [
        f"{at(path, number)}: {line.strip()[:80]}"
        for path, number, line in text_lines()
        if MACHINE_PATH.search(line) or any(registry in line for registry in REGISTRIES)
    ]
    assert not offenders, report(offenders)
