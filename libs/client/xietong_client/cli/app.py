"""Builds the command line: each command is an async function, and gets the options that all commands share."""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from types import MappingProxyType
from typing import Annotated, Any, cast, get_args

import typer

from xietong_client.cli import dead_letters, incidents, operating, receiving, sending, standard, tracking
from xietong_client.cli.exit_codes import ExitCode, exit_code_of
from xietong_client.cli.help_zh import HELP_ZH
from xietong_client.cli.session import Output, Session
from xietong_client.errors import SettingsInvalid, XietongClientError
from xietong_client.settings import ConnectionSettings, preferred_language
from xietong_client.text import Language, Text, print_on_any_terminal

CommandFunction = Callable[..., Coroutine[Any, Any, ExitCode | None]]


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its words, what it does, and its help."""

    words: tuple[str, ...]
    function: CommandFunction
    help: Text
    calls_node: bool = True


COMMANDS = (
    Command(("send",), sending.send, Text("发送一个案件文件夹。", "Send a case folder.")),
    Command(
        ("preflight",),
        sending.preflight,
        Text(
            "预检案件文件夹：列出全部问题，不发送。",
            "Check a case folder: every finding at once; nothing is sent.",
        ),
    ),
    Command(
        ("watch",), tracking.watch, Text("实时跟踪一个数据包。", "Follow a package until its state is final.")
    ),
    Command(
        ("status",),
        tracking.status,
        Text("查看数据包的状态、下一步和回执。", "Show a package: state, what comes next, evidence."),
    ),
    Command(("inbox",), tracking.inbox, Text("查看待处理的来件。", "List incoming packages that wait.")),
    Command(
        ("parties",), tracking.parties, Text("列出可达的政法单位。", "List the parties that can be reached.")
    ),
    Command(
        ("fetch",),
        receiving.fetch,
        Text("取件：下载并逐一核对摘要。", "Fetch a package and check every digest."),
    ),
    Command(("accept",), receiving.accept, Text("受理。", "Accept a package under an own case number.")),
    Command(("return",), receiving.return_package, Text("退回补正。", "Return a package for correction.")),
    Command(("reject",), receiving.reject, Text("拒收。", "Reject a package.")),
    Command(
        ("withdraw",), sending.withdraw, Text("撤回已发送的数据包。", "Withdraw a package that was sent.")
    ),
    Command(
        ("doctor",),
        operating.doctor,
        Text(
            "检查证书、网络、节点和时钟，并给出处置办法。",
            "Check certificate, network, node and clock, with remedies.",
        ),
    ),
    Command(
        ("dead", "list"),
        dead_letters.list_dead,
        Text("列出死信：已停止投递的数据包和回执。", "List what was given up: packages and evidence."),
    ),
    Command(
        ("dead", "inspect"),
        dead_letters.inspect,
        Text(
            "查看一次投递：原因、次数、经过、数据包和回执。",
            "Show a delivery: reason, tries, what was done about it, package and evidence.",
        ),
    ),
    Command(
        ("dead", "replay"),
        dead_letters.replay,
        Text(
            "重新投递：指定编号，或按原因、去向全部。",
            "Put back into the queue: some, or all by reason or way.",
        ),
    ),
    Command(
        ("incidents", "list"),
        incidents.list_incidents,
        Text("列出告警：停滞、超时的传输。", "List incidents: what stands still or is late."),
    ),
    Command(
        ("incidents", "show"),
        incidents.show,
        Text(
            "查看一条告警：位置、原因、联系谁、怎么处理。",
            "Show an incident: where, why, whom to call, what to do.",
        ),
    ),
    Command(
        ("incidents", "ack"),
        incidents.acknowledge,
        Text("确认告警。", "Say that somebody has taken notice."),
    ),
    Command(
        ("incidents", "assign"),
        incidents.assign,
        Text("指派或移交告警。", "Say who works on an incident, or hand it over."),
    ),
    Command(
        ("incidents", "silence"),
        incidents.silence,
        Text("维护期间静默告警。", "Keep an incident silent, for example during maintenance."),
    ),
    Command(
        ("standard", "list"),
        standard.standard_list,
        Text("列出数据标准的流程。", "List the processes of the data standard."),
    ),
    Command(
        ("standard", "show"),
        standard.standard_show,
        Text("查看一个流程所需的全部内容。", "Show all that a process needs."),
    ),
    Command(
        ("standard", "template"),
        standard.standard_template,
        Text("生成待填写的案件文件夹。", "Write a case folder to fill in."),
    ),
    Command(
        ("standard", "stats"),
        standard.standard_stats,
        Text(
            "统计数据标准的内容和待确认事项。",
            "Count what the data standard holds, and list what is to be confirmed.",
        ),
    ),
    Command(
        ("pki", "init"),
        operating.pki_init,
        Text("生成或补全开发用证书。", "Make or complete the certificates for development."),
        calls_node=False,
    ),
)
_GROUPS = {
    "dead": Text("死信（运维人员）。", "Dead letters, for operators."),
    "incidents": Text("告警（运维人员）。", "Incidents, for operators."),
    "pki": Text("开发用证书。", "Certificates for development."),
    "standard": Text("数据标准（无需连接节点）。", "The data standard; no node is asked."),
}
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
    groups = {name: _group(text, language, group_options) for name, text in _GROUPS.items()}
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
        output.note(
            Text("已中断；再次运行会从中断处继续。", "interrupted; run again to go on where it stopped.")
        )
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
