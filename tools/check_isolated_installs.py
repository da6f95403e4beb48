"""Installs each distribution that has a command alone, with nothing but what it declares, and starts it.

The shared development environment hides an import that nobody declared; an environment of its own does not.
"""

import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "runtime.txt"
TOOLS = Path(sys.executable).parent
IMPORT_ALL = """
import importlib, pkgutil, sys
for package in map(importlib.import_module, sys.argv[1:]):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith(".__main__"):
            importlib.import_module(module.name)
"""


@dataclass(frozen=True)
class Distribution:
    """One of the project's own distributions, as its pyproject.toml declares it."""

    name: str
    folder: Path
    requirements: tuple[Requirement, ...]
    packages: tuple[str, ...]
    scripts: tuple[str, ...]


def read(pyproject: Path) -> Distribution:
    """Reads one distribution's metadata."""
    content = tomllib.loads(pyproject.read_text())
    project = content["project"]
    return Distribution(
        name=project["name"],
        folder=pyproject.parent,
        requirements=tuple(map(Requirement, project.get("dependencies", []))),
        packages=tuple(content["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]),
        scripts=tuple(project.get("scripts", {})),
    )


def run(*command: str | Path, cwd: Path = Path("/")) -> None:
    """Runs a command quietly and without the caller's Python paths; raises with its output when it fails."""
    environment = {
        key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}
    }
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment, cwd=cwd)
    if done.returncode != 0:
        raise SystemExit(
            f"failed ({done.returncode}): {' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
        )


def closure(name: str, own: dict[str, Distribution]) -> Iterator[Distribution]:
    """The project's own distributions that it needs, and itself at the end; a name may come twice."""
    for requirement in own[name].requirements:
        if requirement.name in own:
            yield from closure(requirement.name, own)
    yield own[name]


def build_wheels(own: dict[str, Distribution], target: Path) -> dict[str, Path]:
    """Builds every distribution with the locked backend and returns the wheels by distribution name."""
    wheels = {}
    for distribution in own.values():
        folder = target / distribution.name
        run(TOOLS / "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=distribution.folder)
        wheels[distribution.name] = next(folder.glob("*.whl"))
    return wheels


def check(
    distribution: Distribution, own: dict[str, Distribution], wheels: dict[str, Path], scratch: Path
) -> None:
    """Installs one distribution alone, imports its modules and its dependencies', starts its commands."""
    needed = {item.name: item for item in closure(distribution.name, own)}
    declared = {str(each) for item in needed.values() for each in item.requirements if each.name not in own}
    environment = scratch / f"venv-{distribution.name}"
    python = environment / "bin" / "python"
    uv = TOOLS / "uv"
    run(uv, "venv", "--quiet", "--python", sys.executable, environment)
    run(uv, "pip", "install", "--quiet", "--python", python, "--constraint", LOCK, *sorted(declared))
    run(uv, "pip", "install", "--quiet", "--python", python, "--no-deps", *(wheels[name] for name in needed))
    run(uv, "pip", "check", "--quiet", "--python", python)
    run(python, "-I", "-c", IMPORT_ALL, *(package for item in needed.values() for package in item.packages))
    for script in distribution.scripts:
        run(environment / "bin" / script, "--help")


def main() -> None:
    """Checks every distribution that has a command."""
    folders = ("libs", "services", "systems")
    distributions = [
        read(path) for folder in folders for path in sorted(ROOT.glob(f"{folder}/*/pyproject.toml"))
    ]
    own = {distribution.name: distribution for distribution in distributions}
    with tempfile.TemporaryDirectory() as folder:
        wheels = build_wheels(own, Path(folder))
        for distribution in (each for each in distributions if each.scripts):
            start = time.monotonic()
            check(distribution, own, wheels, Path(folder))
            print(
                f"{distribution.name}: installs, imports and starts alone ({time.monotonic() - start:.1f} s)"
            )


if __name__ == "__main__":
    main()
