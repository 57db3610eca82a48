"""A connection that writes HTTP/2 frames by itself, for what no gRPC client would do (RFC 9113)."""

import asyncio
import struct
from contextlib import asynccontextmanager

from bench.load.raw_grpc import _frame, _header_blocks

HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 1, 3, 4, 6, 7
END_HEADERS, ACK = 0x4, 0x1
MAX_CONCURRENT_STREAMS, ENABLE_PUSH = 0x3, 0x2
REFUSED_STREAM = 7


class RawConnection:
    """Counts what comes; ``streams`` is what the server said it takes at once, ``refused`` which it did not take."""

    def __init__(self, reader, writer) -> None:
        self._reader, self._writer = reader, writer
        self._next_stream = 1
        self.streams = None
        self.refused: list[int] = []
        self.pongs = 0
        self.farewell: bytes | None = None
        self._news = asyncio.Condition()
        settings = _frame(SETTINGS, 0, 0, struct.pack(">HI", ENABLE_PUSH, 0))
        self._write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings)
        self._reading = asyncio.create_task(self._read())

    def ping(self, times: int) -> None:
        self._write(_frame(PING, 0, 0, bytes(8)) * times)

    def begin(self, method: str, calls: int) -> None:
        """Headers of so many calls, whose requests never come."""
        first, later = _header_blocks("test", method)
        for _ in range(calls):
            headers = first if self._next_stream == 1 else later
            self._write(_frame(HEADERS, END_HEADERS, self._next_stream, headers))
            self._next_stream += 2

    async def until(self, happened):
        """Once ``happened`` holds of what came, or the server has hung up."""
        async with asyncio.timeout(15), self._news:
            await self._news.wait_for(lambda: happened(self) or self.closed)

    async def until_looked_at(self):
        """Once the server has read all that was written: it answers frames in their order."""
        before = self.pongs
        self.ping(1)
        await self.until(lambda _: self.pongs > before)

    @property
    def closed(self) -> bool:
        return self._reading.done()

    async def close(self) -> None:
        self._writer.close()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    def _write(self, data: bytes) -> None:
        self._writer.write(data)

    async def _read(self) -> None:
        try:
            while True:
                head = await self._reader.readexactly(9)
                payload = await self._reader.readexactly(int.from_bytes(head[:3], "big"))
                self._take(head[3], head[4], int.from_bytes(head[5:9], "big"), payload)
                async with self._news:
                    self._news.notify_all()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            asyncio.get_running_loop().call_soon(asyncio.ensure_future, self._tell())

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        match kind:
            case 4 if not flags & ACK:
                self.streams = dict(struct.iter_unpack(">HI", payload))[MAX_CONCURRENT_STREAMS]
                self._write(_frame(SETTINGS, ACK, 0, b""))
            case 3 if int.from_bytes(payload, "big") == REFUSED_STREAM:
                self.refused.append(stream)
            case 6 if flags & ACK:
                self.pongs += 1
            case 6:
                self._write(_frame(PING, ACK, 0, payload))
            case 7:
                self.farewell = payload[8:]


@asynccontextmanager
async def raw_connection(port: int):
    """One whose server has said how much it takes, or has hung up."""
    connection = RawConnection(*await asyncio.open_connection("127.0.0.1", port))
    try:
        await connection.until(lambda seen: seen.streams is not None)
        yield connection
    finally:
        await connection.close()
