"""Builds the command line: each command is an async function, and gets the options that all commands share."""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from types import MappingProxyType
from typing import Annotated, Any, cast, get_args

import typer

from xietong_client.cli.commands import COMMANDS, GROUPS, Command, CommandFunction
from xietong_client.cli.exit_codes import ExitCode, exit_code_of
from xietong_client.cli.help_zh import HELP_ZH
from xietong_client.cli.session import Output, Session
from xietong_client.errors import SettingsInvalid, XietongClientError
from xietong_client.settings import ConnectionSettings, preferred_language
from xietong_client.text import Language, Text, print_on_any_terminal

_SUMMARY = Text(
    "协同：政法单位之间的案件数据包交换。",
    "Xietong: case packages between police, procuratorate, court and justice.",
)


# Headings of the help, where typer's English ones will not do.
_PANELS_ZH = MappingProxyType({"argument": "参数", "option": "选项", "command": "命令"})


async def connection_options(
    *,
    node: Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Address of the node.")] = None,
    credentials: Annotated[
        str | None, typer.Option(metavar="DIR", help="Folder with the certificates of your party.")
    ] = None,
    system: Annotated[
        str | None, typer.Option(metavar="NAME", help="Your business system, or `operator`.")
    ] = None,
    actor: Annotated[str | None, typer.Option(metavar="ORGAN:HANDLER", help="Who is responsible.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log retries to standard error.")] = False,
) -> None:
    """Every command that calls a node has these; the signature is all that is used."""


def _show_help(context: typer.Context, asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        typer.echo(context.get_help())
        raise typer.Exit


# typer's own --help would stay English.
_AsksHelp = Annotated[
    bool, typer.Option("--help", is_eager=True, callback=_show_help, help="Show this help and end.")
]
_Language = Annotated[Language | None, typer.Option(help="Language of the texts.")]


async def output_options(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    lang: _Language = None,
    asks_help: _AsksHelp = False,
) -> None:
    """Every command has these."""


def _tell_version(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        typer.echo(f"xietong {metadata.version('xietong-client')}")
        raise typer.Exit


async def top_options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_tell_version, help="Show the version and end."),
    ] = False,
    lang: _Language = None,
    asks_help: _AsksHelp = False,
) -> None:
    """What stands before a command. `--lang` is taken before it is parsed: here it is for the help."""


async def group_options(
    *,
    asks_help: _AsksHelp = False,
) -> None:
    """What stands before a command of a group."""


def run(arguments: Sequence[str]) -> int:
    """Runs the command line; returns the exit code."""
    print_on_any_terminal()
    chosen, rest = _take_language(list(arguments))
    language = preferred_language(chosen)
    command = typer.main.get_command(build_app(language))
    try:
        code = command.main(rest, prog_name="xietong", standalone_mode=False)
    except typer.TyperException as error:
        if said := error.format_message():  # nothing where only help was shown
            Output(language, as_json="--json" in rest).error(_usage_error(error, said))
        return ExitCode.USAGE
    except OSError as error:
        _tell_unwritten(error, language)
        return ExitCode.REFUSED
    return code if isinstance(code, int) else ExitCode.OK


def _tell_unwritten(error: OSError, language: Language) -> None:
    """The SDK translates what fails at its own files: this one was standard output, which gets nothing more."""
    why = error.strerror or type(error).__name__
    Output(language).note(Text(f"结果无法写出（{why}）。", f"the result cannot be written ({why})."), "red")
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path of ours
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _usage_error(error: typer.TyperException, said: str) -> SettingsInvalid:
    what = "参数缺失或无效" if isinstance(error, typer.BadParameter) else "命令用法不对"
    return SettingsInvalid(
        reason="USAGE",
        text=Text(f"{what}（{said.rstrip('.')}）。", said),
        remedy=Text("用法见 `xietong --help`。", "See `xietong --help`."),
    )


def build_app(language: Language) -> typer.Typer:
    """The command line with its help in this language."""
    panel = _PANELS_ZH["command"] if language is Language.ZH else None
    app = _group(_SUMMARY, language, top_options)
    groups = {name: _group(text, language, group_options) for name, text in GROUPS.items()}
    for name, group in groups.items():
        app.add_typer(group, name=name, rich_help_panel=panel)
    for command in COMMANDS:
        place = groups.get(command.words[0], app)
        add = place.command(
            command.words[-1],
            help=command.help.of(language),
            rich_help_panel=panel,
            add_help_option=False,
        )
        add(_bind(command, language))
    return app


def _group(summary: Text, language: Language, options: CommandFunction) -> typer.Typer:
    group = typer.Typer(
        help=summary.of(language),
        no_args_is_help=True,
        add_completion=False,
        add_help_option=False,
        pretty_exceptions_enable=False,
    )
    group.callback()(_signed(lambda **_values: None, _parameters(options), language))
    return group


def _parameters(function: CommandFunction) -> list[inspect.Parameter]:
    return list(inspect.signature(function, eval_str=True).parameters.values())


def _take_language(arguments: list[str]) -> tuple[str | None, list[str]]:
    """Takes `--lang` from any place: help and usage errors are written before the options are parsed."""
    for position, argument in enumerate(arguments):
        option, _, value = argument.partition("=")
        taken = 1 if value else 2
        chosen = value or next(iter(arguments[position + 1 : position + 2]), "")
        if option == "--lang" and chosen in tuple(Language):
            return chosen, arguments[:position] + arguments[position + taken :]
    return None, arguments


def _bind(command: Command, language: Language) -> Callable[..., None]:
    """The function that typer calls: with the parameters of the command, and then the shared ones."""
    own = _parameters(command.function)[1:]
    shared = [
        *(_parameters(connection_options) if command.calls_node else ()),
        *_parameters(output_options),
    ]

    def invoke(**values: Any) -> None:
        options = {parameter.name: values.pop(parameter.name) for parameter in shared}
        raise typer.Exit(_execute(command.function, values, options, language))

    return _signed(invoke, (*own, *shared), language)


def _signed(
    function: Callable[..., None], parameters: Iterable[inspect.Parameter], language: Language
) -> Callable[..., None]:
    """The function with these parameters, as typer reads them: with their help in this language."""
    translated = [_translated(parameter, language) for parameter in parameters]
    dynamic = cast("Any", function)
    dynamic.__signature__ = inspect.Signature([p.replace(kind=p.KEYWORD_ONLY) for p in translated])
    dynamic.__annotations__ = {parameter.name: parameter.annotation for parameter in translated}
    return function


def _translated(parameter: inspect.Parameter, language: Language) -> inspect.Parameter:
    kind, info = get_args(parameter.annotation)
    if language is Language.ZH and info.help:
        info = copy.copy(info)
        info.help = HELP_ZH[info.help]
        info.rich_help_panel = _PANELS_ZH[
            "argument" if isinstance(info, typer.models.ArgumentInfo) else "option"
        ]
    return parameter.replace(annotation=Annotated[kind, info])


def _execute(
    function: CommandFunction, values: dict[str, Any], options: dict[str, Any], language: Language
) -> int:
    output = Output(language, as_json=options["as_json"])
    logging.basicConfig(level=logging.INFO if options.get("verbose") else logging.WARNING)
    try:
        session = Session(ConnectionSettings.read(options), output)
        with _waiting_told(output):
            return asyncio.run(function(session, **values)) or ExitCode.OK
    except XietongClientError as error:
        output.error(error)
        return exit_code_of(error)
    except KeyboardInterrupt:
        output.note(output.when_interrupted)
        return ExitCode.INTERRUPTED


class _WaitingNote(logging.Handler):
    """Tells the user what the SDK logs when it goes on waiting for the node."""

    def __init__(self, output: Output) -> None:
        super().__init__(logging.WARNING)
        self._output = output

    def emit(self, _record: logging.LogRecord) -> None:
        text = Text("节点暂时没有应答，正在重试 …", "the node does not answer for now, trying again …")
        self._output.note(text, "yellow")


@contextmanager
def _waiting_told(output: Output) -> Iterator[None]:
    """While the block runs, a node that stays away is told once, in the user's language, instead of logged."""
    log, note = logging.getLogger("xietong_client.rpc"), _WaitingNote(output)
    log.addHandler(note)
    log.propagate = log.isEnabledFor(logging.INFO)  # with --verbose, every try is logged besides
    try:
        yield
    finally:
        log.removeHandler(note)
        log.propagate = True
