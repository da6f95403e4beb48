"""Finds out why a business system cannot work with its node: check by check, each with its remedy."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from xietong.exchange.v1.gateway_service_pb2 import GetNodeResponse
from xietong.exchange.v1.operations_service_pb2 import GetStatusResponse, PartyUsage
from xietong_client.credentials import Credentials
from xietong_client.errors import XietongClientError
from xietong_client.labels import party_name
from xietong_client.node import Node
from xietong_client.operations import Operations
from xietong_client.settings import ConnectionSettings
from xietong_client.text import NO_TEXT, Text

PATIENCE_SECONDS = 5.0
EXPIRY_WARNING = timedelta(days=30)
SKEW_WARNING = timedelta(seconds=5)
SKEW_FAILURE = timedelta(seconds=60)
FREE_WARNING_BYTES = 5 * 1024**3
FREE_FAILURE_BYTES = 512 * 1024**2
QUOTA_WARNING = 0.9
HUB = "hub"
_GIB = 1024**3
_OTHERS_MODE = 0o077


class Verdict(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked, and how to mend it. `is_network` tells that it is about the connection."""

    name: str
    verdict: Verdict
    text: Text
    remedy: Text = NO_TEXT
    is_network: bool = False


async def examine(settings: ConnectionSettings, folder: Path) -> AsyncIterator[Check]:
    """The checks in their order; after a failed one, those that build on it are left out."""
    yield _disk(folder)
    try:
        target, credentials = settings.target, settings.load_credentials()
    except XietongClientError as error:
        yield _failed("settings", error)
        return
    who = f"{credentials.party}/{credentials.system or 'operator'}"
    yield Check("settings", Verdict.OK, Text(f"以 {who} 身份连接 {target}。", f"{who} calls {target}."))
    yield _certificate(credentials, datetime.now(UTC))
    yield _issuer(credentials)
    yield _key_file(credentials.key_file)
    server_name = settings.server_name or credentials.node_name
    reached = await _reach(target)
    yield reached
    if reached.verdict is Verdict.FAILED:
        return
    proven = await _handshake(target, credentials, server_name)
    yield proven
    if proven.verdict is Verdict.FAILED:
        return
    if credentials.party != HUB:  # The hub has no business systems, and nothing to answer them.
        async for result in _ask_node(target, credentials, server_name):
            yield result
    if not credentials.system:
        async for result in _ask_operations(target, credentials, server_name):
            yield result


def _certificate(credentials: Credentials, now: datetime) -> Check:
    try:
        credentials.check_validity(now)
    except XietongClientError as error:
        return _failed("certificate", error)
    end = f"{credentials.not_after:%Y-%m-%d}"
    if credentials.not_after - now < EXPIRY_WARNING:
        return Check(
            "certificate",
            Verdict.WARNING,
            Text(f"证书将于 {end} 到期。", f"the certificate ends on {end}."),
            Text(
                "请尽快更新（开发环境运行 `xietong pki init`）。",
                "Renew it soon (`xietong pki init` in development).",
            ),
        )
    return Check(
        "certificate", Verdict.OK, Text(f"证书有效期至 {end}。", f"the certificate is valid until {end}.")
    )


def _issuer(credentials: Credentials) -> Check:
    if credentials.is_issued_by_trust_anchor:
        return Check(
            "issuer", Verdict.OK, Text("证书由 ca.pem 签发。", "the certificate is of the CA in ca.pem.")
        )
    return Check(
        "issuer",
        Verdict.WARNING,
        Text("证书不是由 ca.pem 直接签发。", "the certificate is not directly of the CA in ca.pem."),
        Text(
            "使用中间证书属正常情况；否则请换用同一信任域的证书和 ca.pem。",
            "That is right with an intermediate CA; otherwise use certificate and ca.pem of one trust domain.",
        ),
    )


def _key_file(path: Path) -> Check:
    if os.name != "posix" or not path.stat().st_mode & _OTHERS_MODE:
        return Check(
            "key", Verdict.OK, Text("私钥文件只有本用户可读。", "only you can read the private key.")
        )
    return Check(
        "key",
        Verdict.WARNING,
        Text(f"其他用户可以读取私钥 {path}。", f"others can read the private key {path}."),
        Text(f"请运行 `chmod 600 {path}`。", f"Run `chmod 600 {path}`."),
    )


async def _reach(target: str) -> Check:
    host, _, port = target.rpartition(":")
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.close()
        await writer.wait_closed()
    except (OSError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        return Check(
            "network",
            Verdict.FAILED,
            Text(f"连不上 {target}（{why}）。", f"{target} cannot be reached ({why})."),
            Text(
                "请核对地址、防火墙，以及节点是否在运行。",
                "Check the address, the firewall, and whether the node runs.",
            ),
            is_network=True,
        )
    return Check(
        "network", Verdict.OK, Text(f"可以连到 {target}。", f"{target} can be reached."), is_network=True
    )


async def _handshake(target: str, credentials: Credentials, server_name: str) -> Check:
    """Checks the node's certificate; whether the node takes the caller's shows with the first call."""
    context = ssl.create_default_context(cadata=credentials.trust_anchor.decode("ascii"))
    context.load_cert_chain(credentials.certificate_file, credentials.key_file)
    context.set_alpn_protocols(["h2"])
    host, _, port = target.rpartition(":")
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            _, writer = await asyncio.open_connection(
                host.strip("[]"), int(port), ssl=context, server_hostname=server_name
            )
        writer.close()
    except ssl.SSLCertVerificationError as error:
        return Check(
            "tls",
            Verdict.FAILED,
            Text(
                f"不信任节点的证书（{error.verify_message}）。",
                f"the node's certificate fails: {error.verify_message}.",
            ),
            Text(
                f"请核对 ca.pem 与地址；节点应持有名称 {server_name} 的证书，名称不同时设置 server_name。",
                f"Check ca.pem and the address; the node's certificate must name {server_name} (or set server_name).",
            ),
            is_network=True,
        )
    except (OSError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        return Check(
            "tls",
            Verdict.FAILED,
            Text(f"TLS 握手失败（{why}）。", f"the TLS handshake fails ({why})."),
            Text(
                "该端口可能不是交换节点，请核对地址。",
                "Perhaps this port is no exchange node; check the address.",
            ),
            is_network=True,
        )
    text = Text(f"节点证书属于 {server_name}。", f"the node proves to be {server_name}.")
    return Check("tls", Verdict.OK, text, is_network=True)


async def _ask_node(target: str, credentials: Credentials, server_name: str) -> AsyncIterator[Check]:
    start = datetime.now(UTC)
    try:
        async with Node.connect(
            target, credentials, server_name=server_name, connect_seconds=PATIENCE_SECONDS
        ) as node:
            info, end = node.info, datetime.now(UTC)
    except XietongClientError as error:
        refused = Text(
            "节点断开了连接，很可能不接受本系统的证书。请核对证书的信任域和有效期，并联系节点运维查看日志。",
            "the node ends the connection, most likely because it does not take this certificate. See that it is of "
            "the node's trust domain and not expired; the node's log tells why.",
        )
        text = refused if error.reason == "NODE_UNREACHABLE" else error.text
        yield Check("node", Verdict.FAILED, text, error.remedy, is_network=True)
        return
    yield _identity(info)
    yield _clock(info, start, end)


async def _ask_operations(target: str, credentials: Credentials, server_name: str) -> AsyncIterator[Check]:
    try:
        async with Operations.connect(
            target, credentials, server_name=server_name, connect_seconds=PATIENCE_SECONDS
        ) as operations:
            status = operations.status
    except XietongClientError as error:
        yield _failed("storage", error)
        return
    for result in storage_checks(status):
        yield result


def storage_checks(status: GetStatusResponse) -> list[Check]:
    """Whether the node still takes new data, and from whom it soon takes none."""
    return [_storage(status), *(_quota(usage) for usage in status.usage if usage.quota_bytes)]


def _storage(status: GetStatusResponse) -> Check:
    free, promised, reserve = status.free_bytes, status.promised_bytes, status.reserve_bytes
    text = Text(
        f"节点磁盘剩余 {free / _GIB:.1f} GiB，其中在途数据已占 {promised / _GIB:.1f} GiB，"
        f"保留 {reserve / _GIB:.1f} GiB。",
        f"the node has {free / _GIB:.1f} GiB free, {promised / _GIB:.1f} GiB of it promised to data on their way, "
        f"and keeps {reserve / _GIB:.1f} GiB.",
    )
    remedy = Text(
        "请清理或扩充磁盘，或缩短内容保存期（docs/operations.md）。",
        "Free or add space, or shorten the retention of contents (docs/operations.md).",
    )
    if free - promised < reserve:
        return Check("storage", Verdict.FAILED, text, remedy)
    if free - promised < 2 * reserve:
        return Check("storage", Verdict.WARNING, text, remedy)
    return Check("storage", Verdict.OK, text)


def _quota(usage: PartyUsage) -> Check:
    used, quota, party = usage.kept_bytes + usage.promised_bytes, usage.quota_bytes, party_name(usage.party)
    text = Text(
        f"{party} 已用配额 {used / _GIB:.1f}/{quota / _GIB:.1f} GiB。",
        f"{party} uses {used / _GIB:.1f} of its {quota / _GIB:.1f} GiB.",
    )
    if used < quota * QUOTA_WARNING:
        return Check("quota", Verdict.OK, text)
    verdict = Verdict.FAILED if used >= quota else Verdict.WARNING
    remedy = Text("请提高配额或缩短内容保存期。", "Raise the quota, or shorten the retention of contents.")
    return Check("quota", verdict, text, remedy)


def _identity(info: GetNodeResponse) -> Check:
    party, version = party_name(info.capabilities.party), info.capabilities.software_version
    grants = ", ".join(info.grants)
    name = info.system or "operator"
    if info.system and not grants:
        return Check(
            "node",
            Verdict.WARNING,
            Text(
                f"{party} 节点 {version} 认识 {name}，但没有授权。",
                f"the node of {party} {version} grants {name} nothing.",
            ),
            Text("如需收发，请联系节点运维授权。", "Ask the node's operators for the grants that it needs."),
        )
    text = Text(
        f"{party} 节点 {version} 认识 {name}，授权：{grants or '查看'}。",
        f"the node of {party} {version} grants {name}: {grants or 'looking'}.",
    )
    return Check("node", Verdict.OK, text)


def _clock(info: GetNodeResponse, start: datetime, end: datetime) -> Check:
    there = info.capabilities.current_time.ToDatetime(UTC)
    skew = abs(there - (start + (end - start) / 2))
    seconds = f"{skew.total_seconds():.1f}"
    text = Text(
        f"本机与节点的时钟相差 {seconds} 秒。", f"this machine's clock and the node's differ by {seconds} s."
    )
    if skew < SKEW_WARNING:
        return Check("clock", Verdict.OK, text)
    verdict = Verdict.FAILED if skew >= SKEW_FAILURE else Verdict.WARNING
    remedy = Text("请在两边配置时间同步（NTP）。", "Set up time synchronisation (NTP) on both sides.")
    return Check("clock", verdict, text, remedy)


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    text = Text(f"当前磁盘剩余 {free / _GIB:.1f} GiB。", f"{free / _GIB:.1f} GiB are free here.")
    if free >= FREE_WARNING_BYTES:
        return Check("disk", Verdict.OK, text)
    verdict = Verdict.FAILED if free < FREE_FAILURE_BYTES else Verdict.WARNING
    return Check("disk", verdict, text, Text("取件前请清理磁盘。", "Free space before you fetch packages."))


def _failed(name: str, error: XietongClientError) -> Check:
    return Check(name, Verdict.FAILED, error.text, error.remedy)
