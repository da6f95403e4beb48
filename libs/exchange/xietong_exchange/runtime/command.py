"""The command of every service: `serve`, `check-config` and `migrate`, for the profile that the service brings."""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from xietong_exchange.adapters.notary import FileNotary
from xietong_exchange.adapters.postgres import UnfitDatabase, migrate
from xietong_exchange.adapters.rpc.server import PortTaken
from xietong_exchange.adapters.rpc.tls import TlsFiles, require_certificate
from xietong_exchange.domain.identity import Identity, Role
from xietong_exchange.domain.party import party_name
from xietong_exchange.domain.profile import Profile
from xietong_exchange.runtime.allocator import keep_freed_memory
from xietong_exchange.runtime.editions import load_editions
from xietong_exchange.runtime.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError
from xietong_exchange.runtime.logs import write_json
from xietong_exchange.runtime.measuring import measures
from xietong_exchange.runtime.node import Node
from xietong_exchange.runtime.open_files import allow_many_files
from xietong_exchange.runtime.settings import (
    Settings,
    SettingsError,
    exports_metrics,
    exports_traces,
    load_settings,
)
from xietong_exchange.runtime.supervision import webhook

EXIT_OK, EXIT_FAILED, EXIT_SETTINGS = 0, 1, 2
YOUNG_OBJECTS = 20_000
"""So many objects are made before the youngest are looked through for cycles. Most are gone by themselves by then; with
Python's 700 they are looked at while a package is still on its way."""


def run(profile: Profile) -> None:
    """Run the service's command and exit: 0 well, 1 failed, 2 unusable settings."""
    arguments = _parser(profile).parse_args()
    keep_freed_memory()
    allow_many_files()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = load_settings(arguments.config)
        if settings.logging == "json":
            write_json(party_name(profile.party))
        _check_files(profile, settings)
        load_editions(settings.standard)  # the node finds them read
        sys.exit(asyncio.run(_COMMANDS[arguments.command](profile, settings)))
    except SettingsError as error:
        sys.exit(_fail(error, EXIT_SETTINGS))
    except (PortTaken, UnfitDatabase, EmbeddedPostgresError, OSError, SQLAlchemyError) as error:
        sys.exit(_fail(error, EXIT_FAILED))


def _parser(profile: Profile) -> argparse.ArgumentParser:
    name = party_name(profile.party)
    parser = argparse.ArgumentParser(
        prog=f"xietong-{name}", description=f"{profile.title_zh} / {profile.title_en}"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for command, text in (
        ("serve", "run the node / 运行节点"),
        ("check-config", "check settings, certificates and keys, and say what is wrong / 检查配置"),
        ("migrate", "bring the database to this version's schema / 升级数据库"),
    ):
        sub = commands.add_parser(command, help=text)
        sub.add_argument(
            "--config", type=Path, help="settings file (TOML); otherwise XIETONG_CONFIG / 配置文件"
        )
    return parser


async def _serve(profile: Profile, settings: Settings) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        if exports_traces():
            from xietong_exchange.adapters.telemetry import exported_traces  # noqa: PLC0415 - see its docstring

            await stack.enter_async_context(exported_traces(f"xietong-{party_name(profile.party)}"))
        if measures(settings):
            from xietong_exchange.adapters.telemetry import exported_metrics  # noqa: PLC0415 - see its docstring

            metrics = exported_metrics(
                f"xietong-{party_name(profile.party)}",
                otlp=exports_metrics(),
                prometheus=settings.metrics.prometheus(),
            )
            await stack.enter_async_context(metrics)
        node = Node(profile, settings)
        await node.start()
        stack.push_async_callback(node.stop)
        # What was loaded so far stays. A full collection that looks at it again holds everything up for 90 ms.
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
        await stop.wait()
    return EXIT_OK


async def _check_config(profile: Profile, settings: Settings) -> int:
    sys.stdout.write(f"xietong-{party_name(profile.party)}: settings are usable / 配置可用\n")
    traces = "exported / 导出" if exports_traces() else "not exported / 不导出"
    metrics = "measured / 采集" if measures(settings) else "not measured / 不采集"
    listens = f"listen {settings.listen}, state {settings.state_dir}"
    sys.stdout.write(f"{listens}, traces {traces}, metrics {metrics}\n")
    return EXIT_OK


async def _migrate(profile: Profile, settings: Settings) -> int:
    if settings.database_url is not None:
        revision = await migrate(settings.database_url)
    else:
        postgres = EmbeddedPostgres(settings.state_dir)
        try:
            revision = await migrate(await postgres.start())
        finally:
            await postgres.stop()
    sys.stdout.write(f"xietong-{party_name(profile.party)}: schema {revision}\n")
    return EXIT_OK


_COMMANDS = {"serve": _serve, "check-config": _check_config, "migrate": _migrate}


def _check_files(profile: Profile, settings: Settings) -> None:
    """Hold certificates and keys against what this node needs, so that it is said in one line. Raises SettingsError."""
    tls = TlsFiles(settings.tls.ca, settings.tls.certificate, settings.tls.key)
    endpoint = webhook(settings.notification)
    try:
        if endpoint is not None:
            endpoint.check()
        tls.channel_credentials()
        require_certificate(tls.certificate, tls.key, _identity(profile, settings, Role.EXCHANGE))
        signer = _identity(profile, settings, Role.SIGNER)
        require_certificate(settings.signer.certificate, settings.signer.key, signer)
        FileNotary(settings.tls.ca, settings.signer.certificate, settings.signer.key, settings.trust_domain)
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"certificates or keys are not usable: {error}; `xietong pki init` makes them for development"
            " / 证书或密钥不可用：请更换为本节点的有效证书"
        ) from None


def _identity(profile: Profile, settings: Settings, role: Role) -> Identity:
    return Identity(settings.trust_domain, profile.party, role)


def _fail(error: Exception, code: int) -> int:
    sys.stderr.write(f"{error}\n")
    return code
