"""The network of the simulated world: real stubs call real servicers; what is between them loses, repeats and delays.

A request goes through the generated serializers and the real boundary of the server, so errors take their real way.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError
from simulation.garbage import spoilt
from simulation.processes import Process, current_process
from simulation.servers import SimulatedServer, rpc_error

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pager_pb

if TYPE_CHECKING:
    from simulation.world import World

REFUSING, SILENT = "refusing", "silent"
_LONGEST_HANG_SECONDS = 10.0


@dataclass(eq=False)
class Exchange:
    """One call on its way. ``caller`` is None for people and services outside of the nodes.

    Only what carries a request id is ``repeatable``: without one a repeat is another call.
    """

    link: str
    method: str
    request: bytes
    deadline: float
    answer: "asyncio.Future[bytes]"
    caller: Process | None
    repeatable: bool
    handlers: list[tuple[Process, "asyncio.Task[bytes]"]] = field(default_factory=list)

    def answered(self, answer: bytes | Exception) -> None:
        """The caller hears this, unless it heard something before."""
        if self.answer.done():
            return
        if isinstance(answer, Exception):
            self.answer.set_exception(answer)
        else:
            self.answer.set_result(answer)

    def given_up(self) -> None:
        """The server learns that nobody listens any more."""
        for process, handler in self.handlers:
            if process.alive:
                handler.cancel()


class SimulatedChannel:
    """What a generated stub needs of a channel to ``target``."""

    def __init__(self, target: str, world: "World | None" = None, **_: Any) -> None:
        self._process = current_process()
        self._world = world or self._process.world  # type: ignore[union-attr]
        self._target = target

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        """Nothing to close."""

    def unary_unary(self, method, request_serializer, response_deserializer, **_):
        async def call(request, timeout, metadata=None):
            repeatable = bool(getattr(request, "request_id", ""))
            sent = request_serializer(request)
            answer = await self._world.network.call(self._target, method, sent, timeout, repeatable=repeatable)
            try:
                return response_deserializer(answer)
            except DecodeError:
                raise rpc_error(grpc.StatusCode.INTERNAL, "Exception deserializing response!") from None

        return call

    async def one_message(self, method, request, timeout):
        """The answer to the only message of a stream to the pager; all that is in it has a request id."""
        path, sent = f"/pager.v1.PagerService/{method}", request.SerializeToString()
        answer = await self._world.network.call(self._target, path, sent, timeout, repeatable=True)
        return pager_pb.RaiseAlertsResponse.FromString(answer)

    def unary_stream(self, *_, **__):
        """Nobody in the simulated world watches."""
        return

    def stream_stream(self, *_, **__):
        """Nobody there knows streams: whoever can do without them calls instead."""
        return _UnknownStream


class _UnknownStream:
    """A call of a method that the server does not have."""

    async def write(self, _):
        """Ends as reading does."""
        raise rpc_error(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")

    def cancel(self):
        """It has ended."""

    def __aiter__(self):
        return self

    async def __anext__(self):
        raise rpc_error(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")


class Network:
    """Carries calls. ``cut`` holds the links that are down and how they are."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.servers: dict[str, SimulatedServer] = {}
        self.cut: dict[str, str] = {}
        self.open: dict[Exchange, None] = {}

    async def call(self, target: str, method: str, request: bytes, timeout: float, *, repeatable: bool) -> bytes:
        """One call, as the caller lives through it."""
        process, loop = current_process(), self._world.loop
        if process is not None:
            await process.crash_point("crash before call")
        link = f"{process.name if process else 'caller'} to {method[1:].partition('.')[0]}"
        exchange = Exchange(link, method, request, loop.time() + timeout, loop.create_future(), process, repeatable)
        self.open[exchange] = None
        self._world.spawn(self._carry(exchange, target, timeout))
        try:
            async with asyncio.timeout(timeout):
                answer = await exchange.answer
        except TimeoutError:
            raise rpc_error(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded") from None
        finally:
            self.open.pop(exchange, None)
            self._world.later(0.001, exchange.given_up)
        if process is not None:
            await process.crash_point("crash after call")
        return answer

    def process_ended(self, process: Process) -> None:
        """Connections of a dead process break: callers hear it at once, servers a moment later."""
        for address in [address for address, server in self.servers.items() if server.process is process]:
            del self.servers[address]
        for exchange in list(self.open):
            if exchange.caller is process:
                self.open.pop(exchange)
                self._world.later(0.001, exchange.given_up)
            elif any(serving is process for serving, _ in exchange.handlers):
                exchange.answered(rpc_error(grpc.StatusCode.UNAVAILABLE, "Socket closed"))

    async def _carry(self, exchange: Exchange, target: str, timeout: float) -> None:
        if self._happens("request stale", exchange, seconds=timeout + _LONGEST_HANG_SECONDS):
            await self._arrives_stale(exchange, target, timeout)
            return
        if not await self._arrives(exchange, timeout):
            return
        server = self.servers.get(target)
        if server is None:
            exchange.answered(rpc_error(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses"))
            return
        if exchange.repeatable and self._happens("request twice", exchange, seconds=1.0):
            again = self._world.chance.between("request twice", 0.0, 1.0)
            self._world.later(again, lambda: self._begin(server, exchange, lambda _: None))
        heard: asyncio.Future[bytes | Exception] = self._world.loop.create_future()
        self._begin(server, exchange, heard.set_result)
        answer = await heard
        if await self._comes_back(exchange, timeout):
            exchange.answered(self._perhaps_spoilt(exchange, answer))

    async def _arrives(self, exchange: Exchange, timeout: float) -> bool:
        await asyncio.sleep(self._world.chance.between("latency", 0.0002, 0.002))
        if self._happens("request late", exchange, seconds=timeout):
            await asyncio.sleep(self._world.chance.between("request late", 0.0, timeout))
        down = self.cut.get(exchange.link)
        if down == REFUSING or self._happens("call refused", exchange):
            exchange.answered(rpc_error(grpc.StatusCode.UNAVAILABLE, "failed to connect to all addresses"))
            return False
        lost = down == SILENT or self._happens("request lost", exchange, seconds=timeout)
        return not lost and not exchange.answer.done()

    async def _arrives_stale(self, exchange: Exchange, target: str, timeout: float) -> None:
        """A connection that hung delivers what it held: a request that nobody waits for, and then word of that.

        The time that a request has left is told in seconds, so it begins only now.
        """
        await asyncio.sleep(timeout + self._world.chance.between("request stale", 0.01, _LONGEST_HANG_SECONDS))
        if (server := self.servers.get(target)) is not None and server.process.alive:
            self._begin(server, exchange, lambda _: None, deadline=self._world.loop.time() + timeout)
            self._world.later(self._world.chance.between("word of that", 0.0, 0.001), exchange.given_up)

    async def _comes_back(self, exchange: Exchange, timeout: float) -> bool:
        if self._happens("answer late", exchange, seconds=timeout):
            await asyncio.sleep(self._world.chance.between("answer late", 0.0, 1.2 * timeout))
        lost = exchange.link in self.cut or self._happens("answer lost", exchange, seconds=timeout)
        return not lost

    def _begin(
        self, server: SimulatedServer, exchange: Exchange, heard: Callable[[Any], None], deadline: float | None = None
    ) -> None:
        process = server.process
        if not process.alive or (exchange.answer.done() and deadline is None):
            return
        handling = server.handle(exchange.method, exchange.request, deadline or exchange.deadline)
        task = self._world.loop.create_task(handling, context=process.context.copy())
        exchange.handlers.append((process, task))
        task.add_done_callback(lambda done: _report(done, heard), context=self._world.context)

    def _perhaps_spoilt(self, exchange: Exchange, answer: bytes | Exception) -> bytes | Exception:
        if exchange.link != "pager to policy" or isinstance(answer, Exception):
            return answer
        if not self._happens("policy garbage", exchange):
            return answer
        return spoilt(answer, self._world.chance.stream("garbage"))

    def _happens(self, fault: str, exchange: Exchange, *, seconds: float = 0.0) -> bool:
        happens = self._world.chance.happens(fault, exchange.link)
        if happens:
            self._world.fault(f"{fault}: {exchange.link}", self._world.now(), self._world.now() + seconds)
        return happens


def _report(done: "asyncio.Task[bytes]", heard: Callable[[Any], None]) -> None:
    if done.cancelled():
        return  # whoever had called has gone
    heard(done.exception() or done.result())
