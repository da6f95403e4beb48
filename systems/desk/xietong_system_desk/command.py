"""The command of every business system: connects to the node and keeps the desk at work until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from xietong_client import Node, SettingsInvalid, Unreachable, XietongClientError
from xietong_client.settings import ConnectionSettings, preferred_language
from xietong_system_desk.case_numbers import CaseRegister
from xietong_system_desk.desk import Desk, first_failure
from xietong_system_desk.folders import DeskFolders
from xietong_system_desk.profile import DeskProfile
from xietong_system_desk.receiving import Receiver
from xietong_system_desk.replies import ReplyRule
from xietong_system_desk.sending import Sender

EXIT_OK, EXIT_FAILED, EXIT_SETTINGS = 0, 1, 2
_LOG = logging.getLogger(__name__)


def run(program: str, profiles: Sequence[DeskProfile]) -> None:
    """Runs the command of a party's business systems and exits: 0 stopped, 1 failed, 2 unusable settings."""
    by_name = {profile.system: profile for profile in profiles}
    arguments = _parser(program, by_name).parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    profile = by_name[arguments.system]
    options = {name: getattr(arguments, name) for name in ("node", "credentials", "actor", "system")}
    folders = DeskFolders(arguments.folder)
    try:
        folders.create()
        settings = ConnectionSettings.read(options, folders.root)
        sys.exit(asyncio.run(_serve(profile, folders, settings)))
    except (XietongClientError, OSError, ExceptionGroup) as failure:
        error = first_failure(failure)
        sys.stderr.write(f"{_line(error, folders.root)}\n")
        sys.exit(EXIT_SETTINGS if isinstance(error, SettingsInvalid) else EXIT_FAILED)


def _line(error: Exception, folder: Path) -> str:
    """One line for the user; what is a defect of this system goes into the log in full."""
    if isinstance(error, XietongClientError):
        return error.describe(preferred_language())
    if isinstance(error, OSError):
        return f"{error.filename or folder}: {error.strerror or error}"
    _LOG.error("a defect of this system", exc_info=error)
    name = type(error).__name__
    return f"{folder}: 系统内部错误（{name}），请将日志交给运维 / a defect ({name}); give the log to the operators"


def _parser(program: str, profiles: Mapping[str, DeskProfile]) -> argparse.ArgumentParser:
    titles = "; ".join(
        f"{name}: {profile.title.zh} / {profile.title.en}" for name, profile in profiles.items()
    )
    parser = argparse.ArgumentParser(prog=program, description=titles)
    only = next(iter(profiles)) if len(profiles) == 1 else None
    parser.add_argument(
        "--system",
        choices=list(profiles),
        default=only,
        required=only is None,
        help="which system / 业务系统",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        required=True,
        help="folder of the desk, with outgoing/ and received/ / 工作目录",
    )
    parser.add_argument(
        "--node", help="HOST:PORT of the own node; otherwise xietong.toml in the folder / 节点地址"
    )
    parser.add_argument("--credentials", help="folder with the party's certificates / 证书目录")
    parser.add_argument("--actor", help="ORGAN:HANDLER, who decides / 经办人")
    return parser


async def _serve(profile: DeskProfile, folders: DeskFolders, settings: ConnectionSettings) -> int:
    """Works until SIGINT or SIGTERM."""
    main = asyncio.current_task()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, main.cancel if main else loop.stop)
    try:
        await _work(profile, folders, settings)
    except asyncio.CancelledError:
        _LOG.info("%s stops", profile.system)
    return EXIT_OK


async def _work(profile: DeskProfile, folders: DeskFolders, settings: ConnectionSettings) -> None:
    register = CaseRegister.load(folders.register)
    register.check(profile.series.values())
    credentials = settings.load_credentials()
    while True:
        connection = Node.connect(settings.target, credentials, actor=settings.load_actor())
        try:
            async with connection as node:
                rule = ReplyRule(profile, folders, register)
                receiver = Receiver(node, profile, folders, register)
                _LOG.info("%s is at work", profile.system)
                await Desk(node, folders, Sender(node, profile, rule), receiver).run()
        except Unreachable as error:
            _LOG.warning("%s: %s; still trying", settings.target, error.reason)
