"""The city's hub (中心平台): the profile, and the command `xietong-hub`."""

from __future__ import annotations

from xietong_exchange.runtime.command import run
from xietong_hub.profile import PROFILE

__all__ = ["PROFILE", "main"]


def main() -> None:
    """Run the command."""
    run(PROFILE)
