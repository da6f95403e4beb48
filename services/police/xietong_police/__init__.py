"""The exchange node of the police (公安数据交换子系统): the profile, and the command `xietong-police`."""

from __future__ import annotations

from xietong_exchange.runtime.command import run
from xietong_police.profile import PROFILE

__all__ = ["PROFILE", "main"]


def main() -> None:
    """Run the command."""
    run(PROFILE)
