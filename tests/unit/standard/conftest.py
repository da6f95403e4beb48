"""The published edition, loaded once."""

from __future__ import annotations

import pytest

from xietong_standard import Edition, load_edition


@pytest.fixture(scope="session")
def edition() -> Edition:
    return load_edition("2026.1")
