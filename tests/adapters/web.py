"""A web server that answers as a test wants it to, however badly."""

import asyncio
from contextlib import asynccontextmanager


class Web:
    """A server that answers with ``answer`` and then does ``more`` with its connection."""

    def __init__(self, answer: bytes, more=None) -> None:
        self.answer, self.more = answer, more
        self.requests: list[bytes] = []
        self.hung_up = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []

    async def take(self, reader, writer):
        self._writers.append(writer)
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.answer)
            await writer.drain()
            if self.more:
                await self.more(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.hung_up.set()
        finally:
            writer.close()

    @asynccontextmanager
    async def running(self, tls=None):
        server = await asyncio.start_server(self.take, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        yield self
        server.close()
        for writer in self._writers:  # from Python 3.12 on the server waits for all of them
            writer.transport.abort()
        await server.wait_closed()


def said(body: bytes, *headers: str, status="200 OK", length=None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body
