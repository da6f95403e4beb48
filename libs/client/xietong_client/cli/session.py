"""What every command works with: the settings, and where its results, its progress and its errors go."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field, replace

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from xietong_client.cli.bars import ProgressBars, progress_bars
from xietong_client.cli.views import View, error_view
from xietong_client.errors import XietongClientError
from xietong_client.node import Node
from xietong_client.operations import Operations
from xietong_client.settings import ConnectionSettings
from xietong_client.standard_changes import StandardChanges, open_standard_changes
from xietong_client.text import Language, Text

# A person sits before the command: shorter than a business system waits.
CONNECT_SECONDS = 10.0
# Names and reasons come from others: what would steer the terminal or turn the direction of writing is made visible.
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

_RUN_AGAIN = Text("已中断；再次运行会从中断处继续。", "interrupted; run again to go on where it stopped.")


@dataclass(slots=True)
class Output:
    """Results on standard output, as text or as JSON; everything else on standard error."""

    language: Language
    as_json: bool = False
    out: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    when_interrupted: Text = _RUN_AGAIN
    err: Console = field(default_factory=lambda: Console(stderr=True, highlight=False, soft_wrap=True))

    def say(self, text: Text) -> str:
        """A text in the chosen language."""
        return text.of(self.language)

    def result(self, view: View | list[View]) -> None:
        """The result of the command, where JSON was asked for: one document, on one line."""
        if self.as_json:
            self.out.out(_json(view, self.out.encoding), highlight=False)

    def line(self, text: Text, style: str = "") -> None:
        """A line for people; nothing where JSON was asked for."""
        if not self.as_json:
            self.out.print(_shown(self.say(text)), style=style or None)

    def note(self, text: Text, style: str = "") -> None:
        """A line beside the result, on standard error."""
        self.err.print(_shown(self.say(text)), style=style or None)

    def table(self, columns: Sequence[Text], rows: Sequence[Sequence[str]]) -> None:
        """A table for people; nothing where JSON was asked for."""
        if self.as_json:
            return
        table = Table(box=None, pad_edge=False)
        for position, column in enumerate(columns):
            table.add_column(self.say(column), no_wrap=position == 0)  # ids and times are copied whole
        for row in rows:
            table.add_row(*(_shown(cell) for cell in row))
        self.out.print(table, soft_wrap=False)

    def error(self, error: XietongClientError) -> None:
        """An error: reason, text, remedy and incident for people, all of it where JSON was asked for."""
        self.result({"error": error_view(error)})
        self.err.print(_shown(error.describe(self.language)), style="red")
        hidden = error.violation_count - len(error.violations)
        if hidden > 0:
            self.note(
                Text(
                    f"另有 {hidden} 处，见 `xietong preflight`。", f"{hidden} more: see `xietong preflight`."
                )
            )

    @contextmanager
    def bars(self) -> Iterator[ProgressBars]:
        """Progress bars while the block runs. Results that go to the same terminal are written above them."""
        usual = self.out
        with progress_bars(self.err, self.language) as bars:
            if usual.is_terminal and self.err.is_terminal:
                self.out = self.err
            try:
                yield bars
            finally:
                self.out = usual


def _shown(text: str) -> str:
    """A text as rich prints it literally."""
    return escape(_STEERING.sub(lambda found: ascii(found[0])[1:-1], text))


def _json(view: View | list[View], encoding: str) -> str:
    """The view as JSON to read; where its characters can't be written, in the escapes of JSON."""
    text = json.dumps(view, ensure_ascii=False)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(view)
    return text


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a command."""

    settings: ConnectionSettings
    output: Output

    def connect(self) -> Node:
        """The node that the settings name. Raises SettingsInvalid when they do not."""
        settings = self.settings
        return Node.connect(
            settings.target,
            settings.load_credentials(),
            actor=settings.load_actor(),
            server_name=settings.server_name or None,
            connect_seconds=CONNECT_SECONDS,
        )

    def call_task_force(self) -> AbstractAsyncContextManager[StandardChanges]:
        """The hub's books of the data standard, with the operator's certificate. Raises SettingsInvalid."""
        settings = replace(self.settings, system="operator")
        return open_standard_changes(
            settings.target, settings.load_credentials(), server_name=settings.server_name
        )

    def operate(self) -> Operations:
        """The same node, called with the operator's certificate: nobody else may. Raises SettingsInvalid."""
        settings = replace(self.settings, system="operator")
        return Operations.connect(
            settings.target,
            settings.load_credentials(),
            server_name=settings.server_name or None,
            connect_seconds=CONNECT_SECONDS,
        )
