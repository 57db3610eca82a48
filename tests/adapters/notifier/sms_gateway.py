"""An SMS gateway on a plain asyncio server: speaks enough HTTP/1.1, and fails at an exact point when told to."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

CUT = b"cut"
SILENCE = b"silence"


def http(status: int, body: str | bytes = b"", **headers: str) -> bytes:
    """A whole response."""
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def problem(status: int, code: int, message: str, **headers: str) -> bytes:
    """A refusal as Twilio writes it."""
    return http(status, json.dumps({"code": code, "message": message, "status": status}), **headers)


class SmsGateway:
    """Takes text messages, or answers ``reply`` to everything. With a cleared ``gate`` it hesitates.

    ``called`` is set by the first request, ``busiest`` is the largest number of them at once.
    """

    def __init__(self) -> None:
        self.called, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.busy = self.busiest = 0
        self.reply: bytes | None = None
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._writers:
                writer.close()
            await self._server.wait_closed()
            self._server = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["SmsGateway"]:
        self._server = await asyncio.start_server(self._session, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            await self.stop()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                await self._take(await reader.readuntil(b"\r\n\r\n"), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _take(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers["content-length"]))
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        login = base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode()
        self.requests.append((request.split()[1], login, form))
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        self.called.set()
        await self.gate.wait()
        self.busy -= 1
        reply = self.reply or http(201, json.dumps({"sid": f"SM{len(self.requests)}", "status": "queued"}))
        if reply == CUT:
            writer.transport.abort()
        elif reply == SILENCE:
            await reader.read()
        else:
            writer.write(reply)
            await writer.drain()
