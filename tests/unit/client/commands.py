"""The command line as tests run it, and what they find at the fake node."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from tests.unit.client.fake_node import FakeNode

from xietong.casefile.v1.manifest_pb2 import Manifest, Part, PartKind
from xietong.exchange.v1.package_pb2 import DeliveryState


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Xietong = Callable[..., Any]


def server_credentials(folder: Path) -> grpc.ServerCredentials:
    pair = [(folder / "police" / name).read_bytes() for name in ("exchange-key.pem", "exchange.pem")]
    return grpc.ssl_server_credentials([(pair[0], pair[1])], (folder / "ca.pem").read_bytes(), True)


def incoming(fake: FakeNode) -> str:
    part = Part(name="起诉意见书.pdf", kind=PartKind.PART_KIND_DOCUMENT)
    package = fake.add_package(Manifest(parts=[part]), [b"content"])
    package.state = DeliveryState.DELIVERY_STATE_DELIVERED
    return package.package_id
