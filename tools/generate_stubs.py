"""Generates the Python stubs of the contract into libs/contract, or checks that they are up to date.

The stubs are committed, so that an install needs no generator. Of the third-party protos only `buf.validate`
is generated: `google.rpc` comes with googleapis-common-protos, but protovalidate carries `buf.validate` only
for a protobuf implementation of its own.
"""

import argparse
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
THIRD_PARTY = PROTOS / "third_party"
CONTRACT = ROOT / "libs" / "contract"
PACKAGES = ("xietong", "buf")


def sources() -> list[Path]:
    """All protos that become stubs, in a fixed order, relative to their import root."""
    own = [path.relative_to(PROTOS) for path in (PROTOS / "xietong").rglob("*.proto")]
    third_party = [path.relative_to(THIRD_PARTY) for path in (THIRD_PARTY / "buf").rglob("*.proto")]
    return sorted(own) + sorted(third_party)


def protoc(protos: list[Path], target: Path, *outputs: str) -> None:
    """Runs the generator with some of its outputs; its errors go to the terminal."""
    scripts = Path(sys.executable).parent
    command = [
        *(sys.executable, "-m", "grpc_tools.protoc"),
        *(f"--proto_path={path}" for path in (PROTOS, THIRD_PARTY, files("grpc_tools") / "_proto")),
        *(f"--plugin=protoc-gen-{name}={scripts}/protoc-gen-{name}" for name in ("mypy", "mypy_grpc")),
        *(f"--{output}:{target}" for output in outputs),
        *map(str, protos),
    ]
    subprocess.run(command, check=True)


def generate(target: Path) -> None:
    """Generates messages, services and the types of both; only `*_service.proto` files hold services."""
    protoc(sources(), target, "python_out=", "mypy_out=quiet")
    services = [path for path in sources() if path.stem.endswith("_service")]
    protoc(services, target, "grpc_python_out=", "mypy_grpc_out=quiet,only_async")
    add_packages(target)


def add_packages(target: Path) -> None:
    """Makes `xietong` a regular, typed package; `buf` stays a namespace that others may share."""
    folders = {parent for path in target.glob("xietong/**/*_pb2.py") for parent in path.parents}
    for folder in sorted(folder for folder in folders if folder.is_relative_to(target / "xietong")):
        source = f"protos/{folder.relative_to(target)}"
        (folder / "__init__.py").write_text(f'"""Generated from {source} by `make stubs`: do not edit."""\n')
    for package in ("xietong", "buf/validate"):
        (target / package / "py.typed").touch()


def generated(base: Path) -> dict[Path, bytes]:
    """The content of every generated file below `base`, by relative path."""
    paths = (path for package in PACKAGES for path in (base / package).rglob("*"))
    kept = (path for path in paths if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(base): path.read_bytes() for path in kept}


def write(wanted: dict[Path, bytes], present: dict[Path, bytes]) -> None:
    """Writes what changed and removes what no proto generates any more."""
    for path in present.keys() - wanted.keys():
        (CONTRACT / path).unlink()
    for path in (path for path, content in wanted.items() if present.get(path) != content):
        (CONTRACT / path).parent.mkdir(parents=True, exist_ok=True)
        (CONTRACT / path).write_bytes(wanted[path])


def main() -> int:
    """Returns 1 when `--check` finds stubs that differ from what the protos generate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when the stubs are stale")
    check_only = parser.parse_args().check
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        wanted, present = generated(Path(folder)), generated(CONTRACT)
    if not check_only:
        write(wanted, present)
        return 0
    stale = sorted(path for path in wanted.keys() | present.keys() if wanted.get(path) != present.get(path))
    for path in stale:
        print(f"stale: libs/contract/{path}: run `make stubs` and commit the result", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
