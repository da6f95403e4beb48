"""Certificates that were renewed on disk are used without a restart, for calls to the node and for its own."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from tests.integration.faults.proof import arrives_once, send, stopped_halfway
from tests.integration.faults.town import (
    MIB,
    POLICE,
    WINDOW_BYTES,
    Town,
    content_of,
    eventually,
)

from xietong_client.pki import DevelopmentCA, Identity, Role

pytestmark = pytest.mark.asyncio(loop_scope="session")

NODE = Identity("police", Role.EXCHANGE)


AT_ONCE, ROUNDS = 16, 150


async def _shown_serial(town: Town) -> int:
    """The serial number of the certificate that the police's node shows to a new connection."""
    host, _, port = town.settings(POLICE).listen.partition(":")
    _, writer = await asyncio.open_connection(
        host, int(port), ssl=_caller(town.pki_folder), server_hostname="police.xietong.test"
    )
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return x509.load_der_x509_certificate(shown).serial_number


def _caller(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    system = folder / "police" / "system-case-handling"
    context.load_cert_chain(f"{system}.pem", f"{system}-key.pem")
    context.set_alpn_protocols(["h2"])
    return context


def _serial(folder: Path) -> int:
    return x509.load_pem_x509_certificate((folder / "police" / "exchange.pem").read_bytes()).serial_number


async def test_many_connections_at_once_are_all_taken(town: Town) -> None:
    """A certificate that is read anew for every handshake once ended the process under this (see `Renewals`)."""
    context, (host, _, port) = _caller(town.pki_folder), town.settings(POLICE).listen.partition(":")

    def call_again_and_again() -> None:
        for _ in range(ROUNDS):
            with socket.create_connection((host, int(port)), timeout=10) as plain:
                context.wrap_socket(plain, server_hostname="police.xietong.test").close()

    with ThreadPoolExecutor(AT_ONCE) as callers:  # one event loop would not bring them at the same time
        calls = [callers.submit(call_again_and_again) for _ in range(AT_ONCE)]
        await asyncio.gather(*map(asyncio.wrap_future, calls))
    content = content_of(1000)
    await arrives_once(town, (await send(await town.police(), content)).package_id, content)


async def test_a_renewed_certificate_is_shown_to_new_connections(town: Town) -> None:
    before = await _shown_serial(town)
    assert before == _serial(town.pki_folder)
    DevelopmentCA.load(town.pki_folder).issue(NODE, town.pki_folder)
    assert await _shown_serial(town) == _serial(town.pki_folder) != before


async def test_a_renewed_certificate_is_brought_to_neighbours(town: Town) -> None:
    old, content = _serial(town.pki_folder), content_of(1000)
    async with _witness(town) as brought:
        sent = await send(await town.police(), content)
        await eventually(lambda: _holds(brought, old))
        DevelopmentCA.load(town.pki_folder).issue(NODE, town.pki_folder)
        await eventually(lambda: _holds(brought, _serial(town.pki_folder)))
    await arrives_once(town, sent.package_id, content)


async def test_certificates_are_renewed_while_a_package_travels(town: Town) -> None:
    content, lines = content_of(12 * MIB), (town.to_hub, town.to_procuratorate)
    before = [line.sent_bytes for line in lines]
    sent = await stopped_halfway(town, content)

    authority = DevelopmentCA.load(town.pki_folder)
    for party in ("police", "hub", "procuratorate"):
        authority.issue(Identity(party, Role.EXCHANGE), town.pki_folder)
    for line in lines:
        line.cut()
        line.heal()

    await arrives_once(town, sent.package_id, content)
    for line, begin in zip(lines, before, strict=True):
        assert line.sent_bytes - begin < len(content) + WINDOW_BYTES, "the transfer began anew"


async def _holds(brought: list[int], serial: int) -> bool:
    return serial in brought


@asynccontextmanager
async def _witness(town: Town) -> AsyncIterator[list[int]]:
    """Stands in the hub's place and notes the certificates that the police's node brings."""
    brought: list[int] = []

    async def note(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        brought.append(x509.load_der_x509_certificate(certificate).serial_number)
        writer.transport.abort()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=town.pki_folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    hub = town.pki_folder / "hub"
    context.load_cert_chain(hub / "exchange.pem", hub / "exchange-key.pem")
    context.set_alpn_protocols(["h2"])
    server = await asyncio.start_server(note, "127.0.0.1", 0, ssl=context)
    line, place = town.to_hub, town.to_hub.target_port
    line.target_port = server.sockets[0].getsockname()[1]
    line.cut()
    try:
        yield brought
    finally:
        line.target_port = place
        server.close()
