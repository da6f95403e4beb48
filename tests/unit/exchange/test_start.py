"""What a start of a node does not need, it does not import: many processes start at once in a demo and in the tests."""

from __future__ import annotations

import subprocess
import sys

NOT_NEEDED = ("alembic", "mako", "opentelemetry.sdk", "opentelemetry.exporter", "psutil")
"""For migrations, and for the export of traces."""


def test_the_command_of_a_service_imports_neither_alembic_nor_an_exporter() -> None:
    code = "import sys, xietong_exchange.runtime.command; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "xietong_exchange.adapters.postgres.migrate" in imported
    assert not imported.intersection(NOT_NEEDED)
