"""The command line of the demo."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from contextlib import suppress
from pathlib import Path

from xietong_client.pki import PkiError
from xietong_client.text import print_on_any_terminal
from xietong_demo.display import make_console
from xietong_demo.processes import ProcessFailed
from xietong_demo.run import Demo, DemoFailed
from xietong_demo.story import EXAMPLES
from xietong_demo.up import keep_up
from xietong_demo.video import parse_size

VAR = EXAMPLES.parent / "var"
SMALLEST_MEDIA_BYTES = 1 << 20
EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130


def main() -> int:
    """Runs the command; 0 well, 1 failed, 2 wrong arguments, 130 interrupted."""
    print_on_any_terminal()
    arguments = _parser().parse_args()
    try:
        return asyncio.run(_until_signal(arguments))
    except (DemoFailed, ProcessFailed, PkiError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FAILED


async def _until_signal(arguments: argparse.Namespace) -> int:
    """Runs the command; SIGINT, SIGTERM and a closed terminal cancel it: everything that it started is stopped."""
    work = asyncio.ensure_future(_run(arguments))
    loop = asyncio.get_running_loop()

    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as it is under nohup
        signals.append(signal.SIGHUP)

    def interrupt() -> None:
        # Only once: the processes are stopped within a bound, and a second Ctrl-C must not leave some of them.
        for number in signals:
            loop.add_signal_handler(number, lambda: None)
        work.cancel()
        with suppress(OSError):  # the terminal may be gone
            sys.stderr.write("正在停止 / stopping …\n")

    for number in signals:
        loop.add_signal_handler(number, interrupt)
    try:
        return await work
    except asyncio.CancelledError:
        return EXIT_OK if arguments.command == "up" else EXIT_INTERRUPTED


async def _run(arguments: argparse.Namespace) -> int:
    console = make_console()
    if arguments.command == "up":
        await keep_up(arguments.state or VAR / "up", console)
        return EXIT_OK
    demo = Demo(arguments.state or VAR / "demo", arguments.media, console)
    return EXIT_OK if await demo.run() else EXIT_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m xietong_demo", description="协同演示 / a case travels through all five services"
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=("demo", "up"),
        default="demo",
        help="demo, or up: keep services running",
    )
    parser.add_argument(
        "--media", type=_size, default=0, metavar="SIZE", help="add a video, e.g. 1GiB / 附加视频"
    )
    parser.add_argument("--state", type=Path, help="state folder, otherwise var/demo or var/up / 状态目录")
    return parser


def _size(text: str) -> int:
    try:
        size_bytes = parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if size_bytes < SMALLEST_MEDIA_BYTES:
        raise argparse.ArgumentTypeError(f"{text}: at least 1MiB / 至少 1MiB")
    return size_bytes


if __name__ == "__main__":
    sys.exit(main())
