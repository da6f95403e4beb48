"""What malloc does with freed buffers, seen from the page faults of a process of its own."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

BUFFERS, PAGES_EACH = 200, 256
SCRIPT = f"""
import resource, sys
from xietong_exchange.runtime.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
for round in range(2):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range({BUFFERS}):
        pair = [b"x" * (1 << 20), b"y" * (1 << 20)]
        del pair
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode: str) -> int:
    """Pages that the process takes from the kernel in the second round."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, mode], capture_output=True, check=True, text=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_freed_buffers_are_used_again_without_fresh_pages() -> None:
    assert faults("keep") < PAGES_EACH
    assert faults("leave") > BUFFERS
