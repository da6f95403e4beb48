"""The exchange node of the justice bureau (司法局数据交换子系统): the profile, and the command `xietong-justice`."""

from __future__ import annotations

from xietong_exchange.runtime.command import run
from xietong_justice.profile import PROFILE

__all__ = ["PROFILE", "main"]


def main() -> None:
    """Run the command."""
    run(PROFILE)
