"""How a connection is left whose provider did not answer in time.

Closing politely would leave the message with the kernel, which goes on delivering it: after a partition of the network
a provider would take, long after the attempt was given up, what somebody has acknowledged or another attempt has sent.
"""

import asyncio
import socket
import struct

DISCARD_ON_CLOSE = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
"""Arguments of ``setsockopt``: closing discards what has not left yet and resets the connection."""


def abandon(transport: asyncio.BaseTransport | None) -> None:
    """Cuts a connection; nothing of what is still to be sent leaves."""
    if not isinstance(transport, asyncio.WriteTransport):
        return
    sock = transport.get_extra_info("socket")
    if sock is not None and not transport.is_closing():
        sock.setsockopt(*DISCARD_ON_CLOSE)
    transport.abort()
