"""More calls than a server can answer: what is refused is an answer, too, and what is taken counts."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

from bench.load.raw_grpc import CallFailed, RawGrpc

_OK = b"\x0bgrpc-status\x010"
_TICK_SECONDS = 0.005


@dataclass(slots=True)
class Flooded:
    """What became of the calls: ``taken`` are the numbers of those that ended OK within ``seconds``, or right after."""

    seconds: float = 0.0
    in_time: int = 0
    taken: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Calls a second that ended OK while the flood lasted."""
        return self.in_time / self.seconds


class Flood:
    """Calls ``method`` over so many ``connections``, ``in_flight`` at once on each; call n has the body ``body(n)``.

    Raises:
        CallFailed: a connection broke.
    """

    def __init__(
        self, target: str, method: str, body: Callable[[int], bytes], *, connections: int, in_flight: int
    ) -> None:
        self._target, self._method, self._body = target, method, body
        self._count, self._in_flight = connections, in_flight
        self._numbers: Iterator[int] = itertools.count()
        self._open: list[int] = [0] * connections
        self._sent = 0
        self._over = False
        self._found = Flooded()
        self._connections: list[_Tolerant] = []
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def closed_loop(self, until: asyncio.Event) -> Flooded:
        """Whatever ends is followed by another call at once, also what was refused: the worst of clients."""
        return await self._lasting(until, self._fill)

    async def open_loop(self, rate: float, until: asyncio.Event) -> Flooded:
        """So many calls a second; those for which no connection has room are not sent."""
        return await self._lasting(until, partial(self._send_at, rate))

    async def _lasting(self, until: asyncio.Event, send: Callable[[float], None]) -> Flooded:
        await self._connect()
        try:
            begun = monotonic()
            while not until.is_set():
                send(monotonic() - begun)
                self._flush()
                await self._tick(until)
            self._over = True
            self._found.seconds = monotonic() - begun
            while any(self._open):
                await self._tick()
            return self._found
        finally:
            for connection in self._connections:
                await connection.close()

    def _fill(self, _since: float) -> None:
        for at in range(self._count):
            while self._open[at] < self._in_flight:
                self._start(at)

    def _send_at(self, rate: float, since: float) -> None:
        due = int(rate * since) - self._sent
        for at in itertools.islice(itertools.cycle(range(self._count)), max(0, due)):
            self._sent += 1
            if self._open[at] < self._in_flight:
                self._start(at)

    def _start(self, at: int) -> None:
        number = next(self._numbers)
        self._open[at] += 1
        self._connections[at].call(self._body(number), partial(self._ended, at, number, monotonic()))

    def _ended(self, at: int, number: int, begun: float, *, ok: bool) -> None:
        self._open[at] -= 1
        if ok:
            self._found.taken.append(number)
            self._found.latencies.append(monotonic() - begun)
            self._found.in_time += not self._over
        else:
            self._found.refused.append(number)

    async def _tick(self, until: asyncio.Event | None = None) -> None:
        if self._failed.done():
            await self._failed
        with suppress(TimeoutError):
            await asyncio.wait_for((until or asyncio.Event()).wait(), _TICK_SECONDS)

    def _flush(self) -> None:
        for connection in self._connections:
            connection.flush()

    async def _connect(self) -> None:
        host, _, port = self._target.rpartition(":")
        loop = asyncio.get_running_loop()
        for _ in range(self._count):
            made = partial(_Tolerant, self._target, self._method, self._fail)
            _, connection = await loop.create_connection(made, host, int(port))
            await connection.welcomed.wait()
            self._connections.append(connection)

    def _fail(self, fault: CallFailed) -> None:
        if not self._failed.done():
            self._failed.set_exception(fault)


class _Tolerant(RawGrpc):
    """Tells of each call whether it ended OK."""

    def call(self, body: bytes, ended: Callable[..., None]) -> None:
        """Begins a call; ``ended(ok=…)`` is called once."""
        self.start(body, ended)

    def _ended(self, stream: int, trailers: bytes) -> None:
        _, done = self._running.pop(stream)
        told: Any = done
        told(ok=_OK in trailers)
        self._send_what_has_room()

    def _read(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        # A server that refuses before it has read a request resets its stream after the answer.
        if kind == 3 and stream not in self._running:
            return
        super()._read(kind, flags, stream, payload)
