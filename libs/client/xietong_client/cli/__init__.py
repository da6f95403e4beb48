"""The command `xietong`: what the SDK does, for people and scripts. Reference: docs/reference/cli.md."""

from __future__ import annotations

import sys

from xietong_client.cli.app import run

__all__ = ["main", "run"]


def main() -> None:
    """Entry point of the command."""
    sys.exit(run(sys.argv[1:]))
