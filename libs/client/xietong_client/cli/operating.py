"""Commands around the connection: doctor, and the certificates for development."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from xietong_client import pki
from xietong_client.cli.exit_codes import ExitCode
from xietong_client.cli.lines import format_bytes
from xietong_client.cli.session import Session
from xietong_client.cli.views import check_view
from xietong_client.doctor import Verdict, examine
from xietong_client.errors import CredentialsInvalid, local_storage_failed
from xietong_client.text import Text

_MARKS = {Verdict.OK: ("✓", "green"), Verdict.WARNING: ("!", "yellow"), Verdict.FAILED: ("✗", "red")}


async def doctor(session: Session) -> ExitCode | None:
    """Checks the connection to the node step by step."""
    output = session.output
    checks = []
    async for check in examine(session.settings, Path.cwd()):
        mark, style = _MARKS[check.verdict]
        output.line(Text(f"{mark} {check.text.zh}", f"{mark} {check.text.en}"), style)
        if check.remedy.en:
            output.line(Text(f"  → {check.remedy.zh}", f"  → {check.remedy.en}"))
        checks.append(check)
    failed = [check for check in checks if check.verdict is Verdict.FAILED]
    output.result({"ok": not failed, "checks": [check_view(check) for check in checks]})
    if not failed:
        return None
    if any(check.name == "settings" for check in failed):
        return ExitCode.USAGE
    return ExitCode.UNREACHABLE if any(check.is_network for check in failed) else ExitCode.REFUSED


async def diagnostics(
    session: Session,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="File to write; it must not be there yet.")],
) -> None:
    """Writes the diagnostics bundle of the node into a file."""
    async with session.operate() as operations:
        document = await operations.diagnostics()
    try:
        with file.open("xb") as target:
            target.write(document)
    except OSError as error:
        raise local_storage_failed(error, str(file)) from error
    size = len(document)
    session.output.result({"file": str(file), "size_bytes": size})
    session.output.line(
        Text(
            f"诊断包已写入 {file}（{format_bytes(size)}）。",
            f"the bundle is in {file} ({format_bytes(size)}).",
        ),
        "green",
    )


async def pki_init(
    session: Session,
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder of the certificates.")] = Path(
        "var/pki"
    ),
    trust_domain: Annotated[
        str, typer.Option(help="Trust domain of the certificates.")
    ] = pki.DEFAULT_TRUST_DOMAIN,
) -> None:
    """Makes what is missing or ends soon; keys are never replaced."""
    try:
        issued = await asyncio.to_thread(pki.init, directory, trust_domain)
    except pki.PkiError as error:
        raise CredentialsInvalid(reason="PKI_INVALID", text=Text(str(error), str(error))) from error
    except OSError as error:
        raise local_storage_failed(error, str(directory)) from error
    new = [files for files in issued if files.issued]
    session.output.result(
        {
            "directory": str(directory),
            "certificates": [
                {
                    "identity": files.identity.path,
                    "certificate": str(files.certificate),
                    "key": str(files.key),
                    "expire_time": files.expires.isoformat(),
                    "issued": files.issued,
                }
                for files in issued
            ],
        }
    )
    session.output.line(
        Text(
            f"{directory}：{len(issued)} 份证书，其中新签发 {len(new)} 份。仅用于开发。",
            f"{directory}: {len(issued)} certificates, {len(new)} of them new. For development only.",
        ),
        "green",
    )
