"""The exchange node of the procuratorate (检察院数据交换子系统): its profile and command."""

from __future__ import annotations

from xietong_exchange.runtime.command import run
from xietong_procuratorate.profile import PROFILE

__all__ = ["PROFILE", "main"]


def main() -> None:
    """Run the command."""
    run(PROFILE)
