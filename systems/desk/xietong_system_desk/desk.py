"""A desk at work: looks at its folders and at the inbox, and gives every case folder and package a task of its own.

So no package waits for another one: neither for a large one nor for one with which something is wrong.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from xietong.exchange.v1.package_pb2 import Package
from xietong_client import Node, XietongClientError
from xietong_system_desk.folders import DeskFolders, write_json
from xietong_system_desk.receiving import Receiver
from xietong_system_desk.sending import Sender

SCAN_SECONDS = 0.2
RETRY_SECONDS = 2.0
_LOG = logging.getLogger(__name__)


def first_failure(failure: Exception) -> Exception:
    """What went wrong first when tasks failed together; anything else as it is."""
    while isinstance(failure, ExceptionGroup):
        failure = failure.exceptions[0]
    return failure


@dataclass(slots=True)
class Desk:
    """Sends what is dropped and receives what arrives, until it is cancelled."""

    node: Node
    folders: DeskFolders
    sender: Sender
    receiver: Receiver
    _busy: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _damaged: set[Path] = field(default_factory=set)

    async def run(self) -> None:
        """Works until cancelled; then what is under way stops where it can be taken up again.

        Raises XietongClientError when the node does not let this system work.
        """
        running = {"pid": os.getpid(), "system": self.node.info.system}
        await asyncio.to_thread(write_json, self.folders.running, running)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._look_at_folders())
                group.create_task(self._look_at_inbox())
        except ExceptionGroup as failures:
            raise first_failure(failures) from failures
        finally:
            self.folders.running.unlink(missing_ok=True)
            tasks = list(self._busy.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_at_folders(self) -> None:
        while True:
            for folder in await asyncio.to_thread(self._due_folders, set(self._busy)):
                self._start(str(folder), self._send(folder))
            await asyncio.sleep(SCAN_SECONDS)

    def _due_folders(self, busy: set[str]) -> list[Path]:
        return [
            folder
            for folder in self.folders.case_folders()
            if str(folder) not in busy and self._is_due(folder)
        ]

    def _is_due(self, folder: Path) -> bool:
        """Whether to take up a folder. A damaged result is left to its user: sending anew could send twice."""
        try:
            due = self.sender.is_due(folder)
        except (OSError, ValueError) as error:
            if folder not in self._damaged:
                _LOG.error("%s: the result can't be read, mend or remove it: %s", folder.name, error)
            self._damaged.add(folder)
            return False
        self._damaged.discard(folder)
        return due

    async def _look_at_inbox(self) -> None:
        async with aclosing(self.node.inbox()) as packages:
            async for package in packages:
                if package.package_id not in self._busy and await self.receiver.is_due(package):
                    self._start(package.package_id, self._receive(package))

    async def _send(self, folder: Path) -> None:
        try:
            await self.sender.send(folder)
        except XietongClientError as error:
            _LOG.warning("%s: %s", folder.name, error.reason)
            await asyncio.sleep(RETRY_SECONDS)  # the next look at the folders takes it up again

    async def _receive(self, package: Package) -> None:
        package_id = package.package_id
        while await self.receiver.is_due(package):
            try:
                await self.receiver.handle(package)
            except XietongClientError as error:
                _LOG.warning("%s: %s", package_id, error.reason)
                if not error.is_transient:
                    return
                await asyncio.sleep(RETRY_SECONDS)
                package = await self.node.get(package_id)
            else:
                return

    def _start(self, name: str, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work, name=name)
        self._busy[name] = task
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._busy.pop(task.get_name(), None)
        if not task.cancelled() and (error := task.exception()):
            _LOG.error("%s: a defect of this system", task.get_name(), exc_info=error)
