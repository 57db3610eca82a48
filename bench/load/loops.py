"""Closed loop: so many calls in flight. Open loop: so many calls a second, whatever becomes of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic

from bench.load.raw_grpc import CallFailed, RawGrpc, connected


@dataclass(frozen=True, slots=True)
class Load:
    """Calls that all ended OK; ``seconds`` to the last completion, ``latencies`` in order of their end."""

    seconds: float
    latencies: list[float]

    @property
    def rate(self) -> float:
        """Calls a second."""
        return len(self.latencies) / self.seconds


class _ClosedLoop:
    """Every connection takes the next body as soon as one of its calls has ended."""

    def __init__(self, bodies: Sequence[bytes], finished: "asyncio.Future[float]") -> None:
        self._bodies = iter(bodies)
        self._left = len(bodies)
        self._finished = finished
        self.latencies: list[float] = []

    def next_on(self, connection: RawGrpc) -> None:
        """Begins one more call, while there is one."""
        if (body := next(self._bodies, None)) is not None:
            connection.start(body, partial(self._done, connection, monotonic()))

    def _done(self, connection: RawGrpc, begun: float, at: float) -> None:
        self.latencies.append(at - begun)
        self._left -= 1
        if not self._left:
            _settle(self._finished, at)
        self.next_on(connection)


async def closed_loop(targets: Sequence[str], method: str, bodies: Sequence[bytes], in_flight: int) -> Load:
    """Calls ``method`` once for each body, with ``in_flight`` calls at each of ``targets``; connections are warm.

    The first bodies, one a target, are sent before the clock starts.

    Raises:
        CallFailed: one of them did not end OK.
    """
    warm, measured = bodies[: len(targets)], bodies[len(targets) :]
    async with _connections(targets, method) as (connections, finished):
        await _warmed(connections, warm, finished)
        loop = _ClosedLoop(measured, finished)
        begun = monotonic()
        for connection in connections:
            for _ in range(in_flight):
                loop.next_on(connection)
            connection.flush()
        return Load(await finished - begun, loop.latencies)


@dataclass(frozen=True, slots=True)
class PacedCall:
    """One call of an open loop: when it was to begin, and when it was answered (monotonic seconds)."""

    due: float
    answered: float

    @property
    def latency(self) -> float:
        """Seconds from when it was due: a client that comes late does not make the server look fast."""
        return self.answered - self.due


async def open_loop(
    target: str, method: str, bodies: Iterable[bytes], rate: float, until: asyncio.Event | None = None
) -> list[PacedCall]:
    """Calls ``method`` with each body, ``rate`` a second, until they or ``until`` are over; in the order of bodies.

    Raises:
        CallFailed: one of them did not end OK.
    """
    answered: dict[int, PacedCall] = {}
    async with _connections([target], method) as ([connection], finished):
        begun, sent = monotonic(), 0
        for number, body in enumerate(bodies):
            due = begun + number / rate
            await _paced(connection, due)
            if (until is not None and until.is_set()) or finished.done():
                break
            connection.start(body, partial(_note, answered, number, due))
            sent += 1
        connection.flush()
        while len(answered) < sent and not finished.done():  # noqa: ASYNC110 - a look costs less than an event a call
            await asyncio.sleep(0.001)
        if finished.done():
            await finished
    return [answered[number] for number in range(sent)]


@asynccontextmanager
async def one_by_one(target: str, method: str) -> AsyncIterator[Callable[[bytes], Awaitable[None]]]:
    """Yields what makes one call and returns when it has ended OK; one at a time.

    It raises CallFailed.
    """
    async with _connections([target], method) as ([connection], failed):

        async def call(body: bytes) -> None:
            answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()
            connection.start(body, answered.set_result)
            connection.flush()
            await asyncio.wait([answered, failed], return_when=asyncio.FIRST_COMPLETED)
            if failed.done():
                await failed

        yield call


async def _paced(connection: RawGrpc, due: float) -> None:
    connection.flush()
    await asyncio.sleep(max(0.0, due - monotonic()))


def _note(answered: dict[int, PacedCall], number: int, due: float, at: float) -> None:
    answered[number] = PacedCall(due, at)


async def _warmed(connections: Sequence[RawGrpc], bodies: Sequence[bytes], finished: "asyncio.Future[float]") -> None:
    """One call on each connection, answered."""
    warmed: list[float] = []
    for connection, body in zip(connections, bodies, strict=True):
        connection.start(body, warmed.append)
        connection.flush()
    while len(warmed) < len(connections) and not finished.done():  # noqa: ASYNC110 - once
        await asyncio.sleep(0.001)


@asynccontextmanager
async def _connections(
    targets: Sequence[str], method: str
) -> AsyncIterator[tuple[list[RawGrpc], "asyncio.Future[float]"]]:
    """One connection to each of ``targets``, and the future that fails with the first call that does."""
    finished: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def failed(fault: CallFailed) -> None:
        if not finished.done():
            finished.set_exception(fault)

    connections = [await connected(target, method, failed) for target in targets]
    try:
        yield connections, finished
    finally:
        for connection in connections:
            await connection.close()


def _settle(finished: "asyncio.Future[float]", at: float) -> None:
    if not finished.done():
        finished.set_result(at)
