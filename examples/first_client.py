"""Sends a case folder and follows the package until it has an outcome."""

import asyncio
import sys

from xietong_client import Credentials, Node, XietongClientError, send_folder


async def main(address: str, certificates: str, system: str, folder: str) -> None:
    """Send the folder as this system, through the node of its party."""
    async with Node.connect(address, Credentials.from_folder(certificates, system)) as node:
        for package in await send_folder(node, folder):
            async for seen in node.watch(package.package_id):
                print(seen.package_id, seen.state_label_zh, seen.state_label_en)


try:
    asyncio.run(main(*sys.argv[1:]))
except (XietongClientError, KeyboardInterrupt) as error:
    sys.exit(str(error) or "interrupted")
