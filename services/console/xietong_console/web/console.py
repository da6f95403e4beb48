"""What all pages need, in one place: the node, the accounts, the sessions, and how a page is made of a template."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import cast

from fastapi import Request

from xietong.exchange.v1.envelope_pb2 import Party
from xietong_client.labels import party_by_name
from xietong_console.accounts import Accounts
from xietong_console.board import Board
from xietong_console.months import Months
from xietong_console.node import NodeLink
from xietong_console.refusals import Refusals
from xietong_console.sessions import FREE_FAILURES, FREE_FAILURES_OF_ADDRESS, Sessions, Throttle
from xietong_console.settings import Settings

_MINUTE, _HOUR = 60, 3600


@dataclass(slots=True)
class Console:
    """The parts of a running console."""

    settings: Settings
    node: NodeLink
    accounts: Accounts
    sessions: Sessions
    names: Throttle
    """Accounts whose password is guessed."""
    addresses: Throttle
    """From where it is guessed."""
    board: Board
    months: Months
    refusals: Refusals
    live_streams: int = 0
    """Pages that follow something at this moment."""

    @classmethod
    def make(cls, settings: Settings) -> Console:
        """All parts by the settings. Raises XietongClientError for unusable certificates."""
        node = NodeLink(settings)
        return cls(
            settings=settings,
            node=node,
            accounts=Accounts(settings.accounts),
            sessions=Sessions(
                time.monotonic,
                idle_seconds=settings.idle_minutes * _MINUTE,
                longest_seconds=settings.session_hours * _HOUR,
            ),
            names=Throttle(time.monotonic, FREE_FAILURES),
            addresses=Throttle(time.monotonic, FREE_FAILURES_OF_ADDRESS),
            board=Board(node, party_by_name(node.party) or Party.PARTY_UNSPECIFIED),
            months=Months(node, settings.answer_seconds),
            refusals=Refusals(),
        )

    @property
    def is_encrypted(self) -> bool:
        """Whether browsers reach it over TLS."""
        return self.settings.tls is not None


def console_of(request: Request) -> Console:
    """The console to which a request came."""
    return cast("Console", request.app.state.console)
