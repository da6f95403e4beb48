"""Makes pages of templates, in the reader's language and look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_client import XietongClientError
from xietong_client.labels import (
    CLOCK_PHASES,
    EVIDENCE_KINDS,
    HOP_STATES,
    PARTIES,
    TEST_NAME,
    TEST_PROCESS,
    party_by_name,
    party_name,
    state_name,
)
from xietong_client.text import Language, Text
from xietong_console import words
from xietong_console.refusals import Filled
from xietong_console.web.console import console_of
from xietong_console.web.security import session_of
from xietong_standard import Text as StandardText
from xietong_standard import available_editions, load_edition

DEADLINES = "/deadlines"
"""The page that the hub's console alone has."""
PAGES = (
    ("/packages", Text("数据包", "Packages")),
    ("/flow", Text("实时流转", "Flow")),
    ("/incidents", Text("异常", "Incidents")),
    (DEADLINES, Text("办案期限", "Deadlines")),
    ("/problems", Text("问题上报", "Problems")),
    ("/operations", Text("运行", "Operations")),
    ("/statistics", Text("统计", "Statistics")),
    ("/standard", Text("数据标准", "Data standard")),
)
"""What the navigation leads to."""
LANGUAGES = {"zh": Language.ZH, "en": Language.EN}
THEMES = ("auto", "light", "dark")
_HUB = party_name(Party.PARTY_HUB)
_UNKNOWN = Text("未知", "unknown")


def language_of(request: Request) -> Language:
    """The reader's language: as switched, else Chinese."""
    return LANGUAGES.get(request.cookies.get("xietong-language", ""), Language.ZH)


def theme_of(request: Request) -> str:
    """Light, dark, or as the system is."""
    theme = request.cookies.get("xietong-theme", "")
    return theme if theme in THEMES else "auto"


def address_of(request: Request) -> str:
    """The page that a browser asks for: path and query."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def page(
    request: Request,
    template: str,
    *,
    http_status: int = 200,
    failures: Sequence[XietongClientError | None] = (),
    **values: Any,
) -> HTMLResponse:
    """A page, with what failed; one that has a form which was refused says so too, and has what was typed."""
    session = session_of(request, touch=False)
    refusal = console_of(request).refusals.on(session.csrf, address_of(request)) if session else None
    told = [refusal.failure, *failures] if refusal else failures
    content = render(request, template, failures=told, refusal=refusal, **values)
    return HTMLResponse(content, status_code=http_status)


def render(request: Request, template: str, **values: Any) -> str:
    """The text of a page, or of a part of one."""
    console = console_of(request)
    context: dict[str, Any] = {
        "request": request,
        "language": language_of(request),
        "theme": theme_of(request),
        "session": session_of(request, touch=False),
        "node": console.node,
        "pages": [one for one in PAGES if one[0] != DEADLINES or console.node.party == _HUB],
        "here": address_of(request),
        "failures": (),
        "refusal": None,
        "now": datetime.now(UTC).astimezone(words.CHINA),
    }
    return _environment().get_template(template).render(context | values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("xietong_console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"t": _two, "filled": _filled, "party_name": party_name, "state_name": state_name}
    environment.filters |= {
        "say": _say,
        "party": _party,
        "state": _state,
        "state_zh": lambda state: words.STATES[state].zh if state in words.STATES else "",
        "tone": lambda state: words.TONES.get(state, "moving"),
        "kind": _kind,
        "hop_state": _hop_state,
        "clock_phase": _clock_phase,
        "clock_tone": lambda phase: words.CLOCK_TONES.get(phase, "quiet"),
        "due": words.due,
        "party_label": _party_label,
        "parties": _parties,
        "options": _options,
        "either": _either,
        "codes": _codes,
        "process": _process,
        "clock": words.clock,
        "size": words.size,
        "duration": _duration,
        "short": lambda identifier: identifier[-12:],
    }
    return environment


@pass_context
def _two(context: Context, zh: str, en: str) -> str:
    """A text in the reader's language; templates give both."""
    return zh if context["language"] is Language.ZH else en


@pass_context
def _filled(context: Context, action: str) -> Filled:
    """What stands in the form that leads there."""
    return Filled(action, context["refusal"])


@pass_context
def _say(context: Context, text: Text) -> str:
    language: Language = context["language"]
    return text.of(language)


@pass_context
def _clock_phase(context: Context, phase: int) -> str:
    return _say(context, CLOCK_PHASES.get(phase, _UNKNOWN))  # type: ignore[call-overload]  # a number of the enum


@pass_context
def _party(context: Context, party: int) -> str:
    return _say(context, PARTIES.get(party, _UNKNOWN))  # type: ignore[call-overload]  # a number of the enum


@pass_context
def _state(context: Context, state: int) -> str:
    return _say(context, words.STATES.get(state, _UNKNOWN))  # type: ignore[call-overload]  # a number of the enum


@pass_context
def _kind(context: Context, kind: int) -> str:
    return _say(context, EVIDENCE_KINDS.get(kind, _UNKNOWN))  # type: ignore[call-overload]  # a number of the enum


@pass_context
def _hop_state(context: Context, state: int) -> str:
    return _say(context, HOP_STATES.get(state, _UNKNOWN))  # type: ignore[call-overload]  # a number of the enum


@pass_context
def _party_label(context: Context, name: str) -> str:
    """A party by the name that certificates give it."""
    return _party(context, party_by_name(name) or 0)


@pass_context
def _parties(context: Context, parties: Iterable[Party.ValueType]) -> list[tuple[str, str]]:
    """Parties as a form offers them: the name, and what people call it."""
    return [(party_name(party), _party(context, party)) for party in parties]


@pass_context
def _options(context: Context, words_of: Mapping[int, Text]) -> list[tuple[str, str]]:
    """Values of an enum as a form offers them: the number, and its word."""
    return [(str(int(value)), _say(context, word)) for value, word in words_of.items()]


@pass_context
def _either(context: Context, text: StandardText) -> str:
    """A text of the data standard."""
    return text.zh if context["language"] is Language.ZH else text.en


def _codes(text: str) -> Markup:
    """A text in which backticks mark code."""
    pieces = [
        Markup("<code>{}</code>").format(piece) if number % 2 else escape(piece)
        for number, piece in enumerate(text.split("`"))
    ]
    return Markup("").join(pieces)


@pass_context
def _process(context: Context, code: str) -> str:
    """The name of a process; empty for one that no installed edition has."""
    if code == TEST_PROCESS:
        return _say(context, TEST_NAME)
    name = _process_names().get(code)
    return _either(context, name) if name else ""


@cache
def _process_names() -> dict[str, StandardText]:
    editions = [load_edition(name) for name in available_editions()]
    return {code: process.name for edition in editions for code, process in edition.processes.items()}


@pass_context
def _duration(context: Context, seconds: float) -> str:
    return _say(context, words.duration(seconds))
