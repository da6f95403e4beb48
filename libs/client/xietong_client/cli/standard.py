"""Commands on the data standard: what processes there are, what one needs, and a case folder to fill in for it.

They read the editions that are installed with the command; no node is asked.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from xietong_client.cli.session import Session

Edition = Annotated[
    str | None, typer.Option(metavar="ID", help="Edition of the data standard, by default the newest.")
]
Process = Annotated[str, typer.Argument(metavar="PROCESS", help="Code of a process, for example PB-01.")]


async def standard_list(session: Session, edition: Edition = None) -> None:
    """Lists the processes of an edition."""
    from xietong_client.cli import standard_texts  # noqa: PLC0415 - 0.3 s that no other command should pay

    standard_texts.tell_processes(session.output, standard_texts.edition_of(edition))


async def standard_show(session: Session, process: Process, edition: Edition = None) -> None:
    """Shows all that a process needs."""
    from xietong_client.cli import standard_texts  # noqa: PLC0415 - 0.3 s that no other command should pay

    standard_texts.tell_process(session.output, standard_texts.edition_of(edition), process)


async def standard_stats(session: Session, edition: Edition = None) -> None:
    """Counts what an edition holds, and lists what an authority has yet to confirm."""
    from xietong_client.cli import standard_texts  # noqa: PLC0415 - 0.3 s that no other command should pay

    standard_texts.tell_statistics(session.output, standard_texts.edition_of(edition))


async def standard_template(
    session: Session,
    process: Process,
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder to write, empty or not there yet.")
    ],
    edition: Edition = None,
    sender: Annotated[
        str | None, typer.Option("--from", metavar="PARTY", help="Who sends, where several parties may.")
    ] = None,
) -> None:
    """Writes a case folder to fill in."""
    from xietong_client.cli import standard_texts  # noqa: PLC0415 - 0.3 s that no other command should pay

    chosen = standard_texts.edition_of(edition)
    await asyncio.to_thread(standard_texts.make_template, session.output, chosen, process, directory, sender)
