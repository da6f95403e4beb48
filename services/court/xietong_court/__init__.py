"""The exchange node of the court (法院数据交换子系统): the profile, and the command `xietong-court`."""

from __future__ import annotations

from xietong_court.profile import PROFILE
from xietong_exchange.runtime.command import run

__all__ = ["PROFILE", "main"]


def main() -> None:
    """Run the command."""
    run(PROFILE)
