"""The web console (监督控制台) of operators and supervisors: a gRPC client of one node, like any other.

The command is `xietong-console`.
"""

from __future__ import annotations

from xietong_console.command import main

__all__ = ["main"]
