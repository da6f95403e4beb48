"""Test packages: what tells the packages apart with which operators try the whole chain (decision 14)."""

from __future__ import annotations

TEST_PROCESS = "XT-00"
"""Reserved: no edition of the data standard has it, so a node that does not know of test packages refuses them."""
MAX_TEST_BYTES = 64 * 1024
"""Sum of the sizes of the parts: what nobody is to read must not take much."""
ANSWERED_BY = "exchange"
"""The system that accepts it: the receiver's node itself."""


def is_test(process_code: str) -> bool:
    """Whether it is a test package, which nodes answer themselves and no business system sees."""
    return process_code == TEST_PROCESS
