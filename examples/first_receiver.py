"""Takes in what arrives for a system: every package is fetched, checked and reported as parsed."""

import asyncio
import sys
from pathlib import Path

from xietong.exchange.v1.evidence_pb2 import Actor
from xietong.exchange.v1.package_pb2 import DeliveryState
from xietong_client import Credentials, Node, XietongClientError

NEW = (DeliveryState.DELIVERY_STATE_DELIVERED, DeliveryState.DELIVERY_STATE_RETRIEVED)


async def main(address: str, certificates: str, system: str, actor: str, folder: str) -> None:
    """Follow the inbox of this system; never ends by itself."""
    organ_code, _, handler_ref = actor.partition(":")
    responsible = Actor(organ_code=organ_code, handler_ref=handler_ref)
    credentials = Credentials.from_folder(certificates, system)
    taken = set[str]()  # a package comes with each of its changes; your system asks its own table instead
    async with Node.connect(address, credentials, actor=responsible) as node:
        async for package in node.inbox():
            is_new = package.state in NEW and package.package_id not in taken
            if is_new and await take_in(node, package.package_id, Path(folder)):
                taken.add(package.package_id)


async def take_in(node: Node, package_id: str, folder: Path) -> bool:
    """Whether it is in. One bad package must not keep the others waiting."""
    try:
        fetched = await node.fetch(package_id, folder / package_id)
        print(package_id, fetched.envelope.process_code, len(fetched.files), "files", flush=True)
        await node.parsed(package_id)  # or parse_failed, with reasons
    except XietongClientError as error:
        print(package_id, error, file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    try:
        asyncio.run(main(*sys.argv[1:]))
    except (XietongClientError, KeyboardInterrupt) as error:
        sys.exit(str(error) or "interrupted")
