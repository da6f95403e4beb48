"""The gRPC channel to a node: mutual TLS, keepalive, quick reconnects, bounded messages."""

from __future__ import annotations

import grpc

from xietong_client.credentials import Credentials

KEEPALIVE_TIME_MS = 20_000
KEEPALIVE_TIMEOUT_MS = 10_000
LONGEST_RECONNECT_PAUSE_MS = 5_000
FIRST_RECONNECT_PAUSE_MS = 200
# The largest message is a draft, whose manifest may have 16 MiB.
MAX_MESSAGE_BYTES = 32 * 1024 * 1024


def open_channel(target: str, credentials: Credentials, server_name: str | None = None) -> grpc.aio.Channel:
    """A channel to the node at `target` (`host:port`). It connects with the first call.

    The node must prove that it is `server_name`; by default the node of the caller's own party.
    """
    options: list[tuple[str, str | int]] = [
        # The identity of a node is its name in the trust domain, wherever it runs.
        ("grpc.ssl_target_name_override", server_name or credentials.node_name),
        # Without keepalive a half-open connection stalls for many minutes; also while only a watch is open.
        ("grpc.keepalive_time_ms", KEEPALIVE_TIME_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        (
            "grpc.http2.ping_timeout_ms",
            KEEPALIVE_TIMEOUT_MS,
        ),  # this one counts: gRPC 1.85 ignores the one above
        ("grpc.http2.max_pings_without_data", 0),
        # gRPC's own pauses grow to two minutes; a node that restarts is back within seconds.
        ("grpc.initial_reconnect_backoff_ms", FIRST_RECONNECT_PAUSE_MS),
        ("grpc.max_reconnect_backoff_ms", LONGEST_RECONNECT_PAUSE_MS),
        # Equal channels would share one connection and its flow control.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ]
    tls = grpc.ssl_channel_credentials(
        credentials.trust_anchor, credentials.private_key, credentials.certificate_chain
    )
    return grpc.aio.secure_channel(target, tls, options=options)
