"""A database that falls silent counts as lost after seconds; left alone the kernel hopes for a quarter of an hour."""

import asyncio
import socket
from typing import Any

import asyncpg

SECONDS = 6
"""Longer than a statement may take, so that only a dead wire is meant; the kernel of a busy server answers at once."""

_PROBES = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, SECONDS // 2),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, SECONDS // 2),
    # What was sent and is not acknowledged; this also bounds the probes.
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SECONDS * 1000),
)
SERVER_SIDE = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
"""The same asked of the server, for clients that vanish: their connections and locks come free."""


def bound_silence(connection: "asyncpg.Connection[Any]") -> None:
    """Makes the kernel give ``connection`` up after some seconds without an answer from the other kernel."""
    # asyncpg has no option for it; the tests notice if it calls this otherwise one day.
    transport: asyncio.Transport = connection._transport  # type: ignore[attr-defined]  # noqa: SLF001
    sock = transport.get_extra_info("socket")
    if sock.family != socket.AF_UNIX:
        for option in _PROBES:
            sock.setsockopt(*option)
