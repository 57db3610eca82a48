"""A TCP relay in front of one server for one client, and what it can do to the bytes that pass.

It delays, and loses the answer of a COMMIT, or of a statement of the ledger that is a transaction of its own. Where the
kernel cannot cut the network for us it cuts too: a silent cut keeps connections, passes nothing and lets no new one in;
a refusing one resets and refuses.
"""

import asyncio
import contextlib
import re
import socket
import struct
from collections.abc import Awaitable, Callable
from enum import StrEnum

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_LONE_STATEMENT = re.compile(rb"(__asyncpg_stmt_\w+__)\0WITH clock AS")
"""A statement as asyncpg prepares it: its name, then its text."""


class Cut(StrEnum):
    """What a partition between a client and a server does to their packets."""

    SILENT = "silent"
    REFUSING = "refusing"
    REQUESTS_LOST = "requests lost"
    ANSWERS_LOST = "answers lost"


def never() -> bool:
    """No COMMIT is lost."""
    return False


class Relay:
    """Listens where ``listening(port)`` says (port 0: any) and passes all on to ``upstream``."""

    def __init__(self, listening: Callable[[int], socket.socket], upstream: Callable[[], Awaitable[Streams]]) -> None:
        self._listening, self._upstream = listening, upstream
        self.delay = 0.0
        self.loses_commit: Callable[[], bool] = never
        self.commits_lost = 0
        self._requests_pass, self._answers_pass = asyncio.Event(), asyncio.Event()
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._fillers: list[socket.socket] = []
        self._open(0)

    @property
    def address(self) -> str:
        host, port = self._name
        return f"{host}:{port}"

    def cut(self, how: Cut) -> None:
        """Until :meth:`heal`."""
        self._accepting.cancel()
        if how is Cut.REFUSING:
            self._socket.close()
            for connection in self._connections:
                connection.reset()
            return
        self._fill_the_queue()
        if how is not Cut.ANSWERS_LOST:
            self._requests_pass.clear()
        if how is not Cut.REQUESTS_LOST:
            self._answers_pass.clear()

    def heal(self) -> None:
        """Everything passes again."""
        self._socket.close()
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()
        self._open(self._name[1])

    def close(self) -> None:
        """Ends it with all its connections."""
        self._accepting.cancel()
        self._socket.close()
        for task in self._tasks:
            task.cancel()

    async def pump(self, connection: "_Connection", *, requests: bool) -> None:
        """Passes on what comes from one side, until its end."""
        (reader, _), (_, writer) = (
            (connection.client, connection.server) if requests else (connection.server, connection.client)
        )
        gate = self._requests_pass if requests else self._answers_pass
        while data := await reader.read(65536):
            if self.delay:
                await asyncio.sleep(self.delay)
            await gate.wait()
            if connection.doomed:
                raise ConnectionAbortedError("the answer of this COMMIT is lost")
            if requests and connection.commits_by(data) and self.loses_commit():
                connection.doomed = True
                self.commits_lost += 1
            writer.write(data)
            await writer.drain()

    def _open(self, port: int) -> None:
        self._socket = self._listening(port)
        self._name = self._socket.getsockname()
        self._requests_pass.set()
        self._answers_pass.set()
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    async def _accept(self) -> None:
        while True:
            client, _ = await asyncio.get_running_loop().sock_accept(self._socket)
            task = asyncio.create_task(self._serve(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, sock: socket.socket) -> None:
        client = await asyncio.open_connection(sock=sock)
        try:
            server = await self._upstream()
        except OSError:
            _reset(client)
            return
        connection = _Connection(client, server)
        self._connections.add(connection)
        try:
            await connection.run(self)
        finally:
            self._connections.discard(connection)

    def _fill_the_queue(self) -> None:
        # A queue of one that is full: Linux drops what else wants to connect, so that it hangs as on a dead wire.
        self._socket.listen(0)
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(self._name)
            self._fillers.append(filler)


class _Connection:
    """One client's connection and the one to the server that it became."""

    def __init__(self, client: Streams, server: Streams) -> None:
        self.client, self.server = client, server
        self.doomed = False
        self._lone: set[bytes] = set()

    def commits_by(self, data: bytes) -> bool:
        """Whether a transaction ends well with this request, whose statement may have been prepared long ago."""
        commits = b"COMMIT" in data or any(b"\0" + name + b"\0" in data for name in self._lone)
        self._lone.update(_LONE_STATEMENT.findall(data))
        return commits

    async def run(self, relay: Relay) -> None:
        """Until either side hangs up; a reset is passed on as a reset."""
        pumps = [asyncio.create_task(relay.pump(self, requests=requests)) for requests in (True, False)]
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            if any(pump.exception() for pump in done):
                self.reset()
        finally:
            for pump in pumps:
                pump.cancel()
            for _, writer in (self.client, self.server):
                writer.close()
            await asyncio.gather(*pumps, return_exceptions=True)

    def reset(self) -> None:
        """Both sides are told in the rudest way."""
        _reset(self.client)
        _reset(self.server)


def _reset(streams: Streams) -> None:
    _, writer = streams
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
