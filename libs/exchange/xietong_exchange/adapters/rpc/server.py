"""The gRPC server of a node: mutual TLS, one port of its own, keepalive to match the clients'."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import grpc

from xietong_exchange.adapters.rpc.interceptors import ExchangeServerInterceptor
from xietong_exchange.adapters.rpc.peers import MAX_MESSAGE_BYTES
from xietong_exchange.adapters.rpc.tls import TlsFiles

SERVER_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),  # this one counts: gRPC 1.85 never applies the one above
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),  # otherwise keepalive all but stops on a quiet connection
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_concurrent_streams", 512),
)

Registration = Callable[[grpc.aio.Server], None]


class PortTaken(Exception):
    """The address can't be listened on."""


def build_server(
    listen: str, tls: TlsFiles, interceptor: ExchangeServerInterceptor, services: Sequence[Registration]
) -> tuple[grpc.aio.Server, int]:
    """A server that is bound but not started, and its port (useful when `listen` ends in `:0`).

    Raises:
        PortTaken: another process listens there, or the address is not this machine's.
    """
    server = grpc.aio.server(interceptors=[interceptor], options=SERVER_OPTIONS)
    for register in services:
        register(server)
    try:
        port = server.add_secure_port(listen, tls.server_credentials())
    except RuntimeError:
        port = 0
    if not port:
        raise PortTaken(
            f"can't listen on {listen}: the port is taken or the address is not here; stop the other process"
            f" or choose another address (listen) / 无法监听 {listen}：端口被占用或地址无效，请停止占用进程或更换地址"
        )
    return server, port
