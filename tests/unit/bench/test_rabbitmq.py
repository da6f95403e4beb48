"""Without the broker's client, which `make setup` does not install, the other rows are measured all the same."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from bench import rabbitmq
from bench.peers import PeerMissing


async def test_missing_client_of_the_broker_is_a_missing_peer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "aio_pika", None)
    with pytest.raises(PeerMissing, match="make bench"):
        async with rabbitmq.broker(tmp_path / "broker"):
            pass
    assert not (tmp_path / "broker").exists()
