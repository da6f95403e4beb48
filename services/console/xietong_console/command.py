"""The command `xietong-console`: `serve`, `check-config`, and the accounts."""

from __future__ import annotations

import argparse
import getpass
import logging
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

import uvicorn

from xietong_client import Credentials, XietongClientError
from xietong_client.text import print_on_any_terminal
from xietong_console.accounts import Account, AccountError, Accounts, Role
from xietong_console.settings import Settings, SettingsError, load_settings
from xietong_console.web.app import build_app

EXIT_OK, EXIT_FAILED, EXIT_SETTINGS = 0, 1, 2
_STOP_SECONDS = 3


def main() -> None:
    """Run the command and exit: 0 well, 1 failed, 2 unusable settings."""
    print_on_any_terminal()
    arguments = _parser().parse_args()
    act: Callable[[Settings, argparse.Namespace], int] = arguments.act
    try:
        sys.exit(act(load_settings(arguments.config), arguments))
    except (SettingsError, XietongClientError) as error:
        sys.exit(_fail(error, EXIT_SETTINGS))
    except (AccountError, OSError) as error:
        sys.exit(_fail(error, EXIT_FAILED))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="xietong-console", description="监督控制台 / console of operators and supervisors"
    )
    commands = parser.add_subparsers(required=True)
    _add(commands, "serve", "run the console / 运行控制台", _serve)
    _add(commands, "check-config", "check settings and certificates / 检查配置", _check)
    account = commands.add_parser("account", help="who may log in / 管理账号")
    acts = account.add_subparsers(required=True)
    add = _add(acts, "add", "add an account, or give it another password / 添加账号或重设密码", _add_account)
    add.add_argument("name", help="2 to 40 of a-z 0-9 . _ - / 账号名")
    add.add_argument("--viewer", action="store_true", help="may look and not act / 只能查看")
    add.add_argument("--once", action="store_true", help="good for one login / 只能登录一次")
    add.add_argument(
        "--generate",
        action="store_true",
        help="invent and print the password; otherwise it is asked for / 生成密码",
    )
    remove = _add(acts, "remove", "remove an account; its sessions end / 删除账号", _remove_account)
    remove.add_argument("name")
    _add(acts, "list", "list the accounts / 列出账号", _list_accounts)
    return parser


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    text: str,
    act: Callable[[Settings, argparse.Namespace], int],
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text)
    parser.add_argument(
        "--config", type=Path, help="settings file (TOML); otherwise XIETONG_CONSOLE_CONFIG / 配置文件"
    )
    parser.set_defaults(act=act)
    return parser


def web_server(settings: Settings) -> uvicorn.Server:
    """The server that browsers reach."""
    host, port = settings.address
    tls = settings.tls
    return uvicorn.Server(
        uvicorn.Config(
            build_app(settings),
            host=host,
            port=port,
            ssl_certfile=tls.certificate if tls else None,
            ssl_keyfile=tls.key if tls else None,
            log_config=None,
            access_log=False,  # addresses of pages name cases
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
    )


def _serve(settings: Settings, _arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    server = web_server(settings)
    server.run()
    return EXIT_OK if server.started else EXIT_FAILED


def _check(settings: Settings, _arguments: argparse.Namespace) -> int:
    Accounts(settings.accounts).all()
    for file in (settings.tls.certificate, settings.tls.key) if settings.tls else ():
        file.read_bytes()
    credentials = Credentials.from_folder(settings.credentials, operator=True)
    credentials.check_validity()
    sys.stdout.write(f"settings are usable / 配置可用: {settings.listen}, {credentials.party}\n")
    return EXIT_OK


def _add_account(settings: Settings, arguments: argparse.Namespace) -> int:
    password = secrets.token_urlsafe(12) if arguments.generate else getpass.getpass("密码 / password: ")
    role: Role = "viewer" if arguments.viewer else "operator"
    Accounts(settings.accounts).put(Account.make(arguments.name, role, password, once=arguments.once))
    if arguments.generate:
        sys.stdout.write(f"{arguments.name} {password}\n")
    return EXIT_OK


def _remove_account(settings: Settings, arguments: argparse.Namespace) -> int:
    Accounts(settings.accounts).remove(arguments.name)
    return EXIT_OK


def _list_accounts(settings: Settings, _arguments: argparse.Namespace) -> int:
    for account in Accounts(settings.accounts).all():
        used = "" if not account.once else "\tonce" if account.hash else "\tused"
        sys.stdout.write(f"{account.name}\t{account.role}{used}\n")
    return EXIT_OK


def _fail(error: Exception, code: int) -> int:
    sys.stderr.write(f"{error}\n")
    return code
