"""The command: writes the case folders, or checks that those in the repository are what it would write."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from generate.folders import Files, case_folders, video_duration_ms, video_path
from generate.sources import ROOT, load

EXAMPLES = ROOT.parent


def main() -> int:
    """Runs the command; returns 1 when a check finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file differs")
    parser.add_argument("--video", action="store_true", help="encode the video anew (needs the package av)")
    options = parser.parse_args()
    video = _encoded() if options.video else video_path(EXAMPLES).read_bytes()
    files = case_folders(video)
    if options.check:
        return _report(differences(files, EXAMPLES))
    _write(files, EXAMPLES)
    return 0


def _encoded() -> bytes:
    from generate.video import mp4  # noqa: PLC0415 - needs PyAV, which only a new video asks for

    return mp4(video_duration_ms())


def differences(files: Files, root: Path) -> list[str]:
    """What differs between the folders below `root` and the files that they should hold, one line each."""
    found = {str(path.relative_to(root)) for folder in load("packages") for path in _files(root / folder)}
    found |= {"outcomes.yaml"} & {path.name for path in root.iterdir()}
    lines = [f"missing: {name}" for name in files.keys() - found]
    lines += [f"not made here: {name}" for name in found - files.keys()]
    lines += [
        f"differs: {name}" for name in files.keys() & found if (root / name).read_bytes() != files[name]
    ]
    return sorted(lines)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _write(files: Files, root: Path) -> None:
    for folder in load("packages"):
        for path in _files(root / folder):
            if str(path.relative_to(root)) not in files:
                path.unlink()
    for name, content in files.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    sys.stdout.write(f"{len(files)} files, {sum(map(len, files.values()))} bytes\n")


def _report(lines: list[str]) -> int:
    if not lines:
        sys.stdout.write("the case folders are what the generator makes\n")
        return 0
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.stderr.write("Run `python -m generate` in examples/ and commit what it writes.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
