"""A unary gRPC client that writes HTTP/2 frames by itself, so that two cores are left to what is measured.

RFC 9113 and 7541, as much as one client needs: requests are serialized before the clock starts, and headers are two
blocks, the first of which teaches the server the second. The server is told to keep no table for its answers, so that
the status of every call stands in its trailers as text, and each one is read.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Callable
from time import monotonic

_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_ACK = _END_STREAM = 0x1
_END_HEADERS = 0x4
_LARGEST_WINDOW = 2**31 - 1
_FIRST_WINDOW = 65_535
_MAX_CONCURRENT_STREAMS = 0x3
_UNLIMITED = 2**31
_OK = b"\x0bgrpc-status\x010"

_REFUSED = 7

Done = Callable[[float], None]
"""Called with the moment (monotonic seconds) at which the trailers of an OK call were read."""

_Call = tuple[bytes, Done]


class CallFailed(Exception):
    """A status that is not OK, or a connection that broke."""


class RawGrpc(asyncio.Protocol):
    """One connection for one method. ``failed`` hears of what goes wrong.

    ``welcomed`` is set once the server has said how much it takes, or the connection has broken.
    """

    def __init__(self, authority: str, method: str, failed: Callable[[CallFailed], None]) -> None:
        self._first, self._later = _header_blocks(authority, method)
        self._failed = failed
        self._running: dict[int, _Call] = {}
        self._blocked: deque[_Call] = deque()
        self._out: list[bytes] = []
        self._unread = b""
        self._next_stream = 1
        self._window = _FIRST_WINDOW
        self._most_streams = _UNLIMITED
        self._closing = False
        self.welcomed = asyncio.Event()
        self._hung_up = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Opens the conversation with windows that answers never fill."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a client's connection is
        self._transport = transport
        settings = struct.pack(">HIHI", 0x1, 0, 0x4, _LARGEST_WINDOW)
        self._out.append(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(_SETTINGS, 0, 0, settings))
        self._out.append(_frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", _LARGEST_WINDOW - _FIRST_WINDOW)))
        self.flush()

    def start(self, body: bytes, done: Done) -> None:
        """Begins a call; it leaves with the next :meth:`flush`, or when the server has room for it."""
        self._blocked.append((body, done))
        self._send_what_has_room()

    def _send_what_has_room(self) -> None:
        """In order: in the server's window, and no more calls at once than it allows."""
        while (
            self._blocked and self._window >= len(self._blocked[0][0]) + 5 and len(self._running) < self._most_streams
        ):
            self._send(*self._blocked.popleft())

    def _send(self, body: bytes, done: Done) -> None:
        self._window -= len(body) + 5
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        self._running[stream] = body, done
        headers = self._first if stream == 1 else self._later
        message = struct.pack(">BI", 0, len(body)) + body
        self._out.append(_frame(_HEADERS, _END_HEADERS, stream, headers) + _frame(_DATA, _END_STREAM, stream, message))

    def flush(self) -> None:
        """Writes what was begun, in one go."""
        if self._out:
            self._transport.write(b"".join(self._out))
            self._out.clear()

    async def close(self) -> None:
        """Says goodbye and waits until the server hangs up: one that is stopped before that drains for ten seconds."""
        self._closing = True
        self._out.append(_frame(_GOAWAY, 0, 0, bytes(8)))
        self.flush()
        self._transport.write_eof()
        await self._hung_up.wait()

    def data_received(self, data: bytes) -> None:
        """Reads whole frames; calls that their ends make room for leave together."""
        unread = self._unread + data
        at, end = 0, len(unread)
        while end - at >= 9:
            size = int.from_bytes(unread[at : at + 3], "big")
            after = at + 9 + size
            if after > end:
                break
            stream = int.from_bytes(unread[at + 5 : at + 9], "big")
            self._read(unread[at + 3], unread[at + 4], stream, unread[at + 9 : after])
            at = after
        self._unread = unread[at:]
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Fails if it was not our own wish."""
        self._hung_up.set()
        self.welcomed.set()
        if not self._closing:
            self._fail(f"the connection was lost: {exc}")

    def _read(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        match kind:
            case 1 if flags & _END_STREAM:
                self._ended(stream, payload)
            case 4 if not flags & _ACK:
                self._set(payload)
                self._out.append(_frame(_SETTINGS, _ACK, 0, b""))
            case 6 if not flags & _ACK:
                self._out.append(_frame(_PING, _ACK, 0, payload))
            case 8 if stream == 0:
                self._widened(int.from_bytes(payload, "big"))
            case 3 if int.from_bytes(payload, "big") == _REFUSED:
                self._refused(stream)
            case 3 | 7:
                self._fail(f"{'RST_STREAM' if kind == _RST_STREAM else 'GOAWAY'}: {payload!r}")

    def _ended(self, stream: int, trailers: bytes) -> None:
        _, done = self._running.pop(stream)
        if _OK in trailers:
            done(monotonic())
        else:
            self._fail(f"not OK: {trailers!r}")
        self._send_what_has_room()

    def _refused(self, stream: int) -> None:
        """The server has not looked at the call: it still counts one as open that has ended. It is sent again."""
        self._blocked.appendleft(self._running.pop(stream))
        if not self._running:
            self._send_what_has_room()

    def _set(self, settings: bytes) -> None:
        self.welcomed.set()
        for name, value in struct.iter_unpack(">HI", settings):
            if name == _MAX_CONCURRENT_STREAMS:
                self._most_streams = value

    def _widened(self, more: int) -> None:
        self._window += more
        self._send_what_has_room()

    def _fail(self, what: str) -> None:
        self._failed(CallFailed(what))


async def connected(target: str, method: str, failed: Callable[[CallFailed], None]) -> RawGrpc:
    """A connection to ``target``, host:port, whose server has said how much it takes."""
    host, _, port = target.rpartition(":")
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_connection(lambda: RawGrpc(target, method, failed), host, int(port))
    await protocol.welcomed.wait()
    return protocol


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _header_blocks(authority: str, method: str) -> tuple[bytes, bytes]:
    """``:method: POST`` and ``:scheme: http`` by their static numbers; the rest is put into the server's table once.

    The newest entry of the table has number 62.
    """
    texts = (
        b"\x44" + _text(method),  # :path, a static name
        b"\x41" + _text(authority),  # :authority, a static name
        b"\x40" + _text("te") + _text("trailers"),
        b"\x5f" + _text("application/grpc"),  # content-type, a static name
    )
    numbers = bytes(0x80 | 62 + age for age in reversed(range(len(texts))))
    return b"\x83\x86" + b"".join(texts), b"\x83\x86" + numbers


def _text(value: str) -> bytes:
    encoded = value.encode()
    if len(encoded) > 126:
        raise ValueError(f"too long for one length byte: {value}")
    return bytes([len(encoded)]) + encoded
