"""The limit on open files, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
from xietong_exchange.runtime.open_files import allow_many_files
resource.setrlimit(resource.RLIMIT_NOFILE, tuple(map(int, sys.argv[1:])))
allow_many_files()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [(("256", "1000"), "1000 1000"), (("1000", "1000"), "1000 1000")],
    ids=["raised", "kept"],
)
def test_the_soft_limit_is_raised_as_far_as_the_hard_one_allows(before: tuple[str, str], after: str) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, *before], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == after
