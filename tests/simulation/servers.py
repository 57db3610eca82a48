"""Servers of the simulated world: real servicers behind the real boundary, without a port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
from simulation.processes import current_process

from pager_grpc.runtime.rpc_boundary import RpcBoundary


def rpc_error(code: grpc.StatusCode, details: str, trailing: Any = ()) -> grpc.aio.AioRpcError:
    """A failed call as the library reports it."""
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailing), details)


class _Aborted(grpc.aio.AbortError):
    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        super().__init__()
        self.error = error


class _Context:
    """What a servicer needs of its context."""

    def __init__(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        self._loop, self._deadline = loop, deadline

    def time_remaining(self) -> float:
        return self._deadline - self._loop.time()

    async def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise _Aborted(rpc_error(code, details))

    async def abort_with_status(self, status: Any) -> None:
        raise _Aborted(rpc_error(status.code, status.details, status.trailing_metadata))


class SimulatedServer:
    """In the place of ``runtime.server.Server``: the same boundary and servicers, without a port."""

    def __init__(self, service_name: str, errors: Any, **_: Any) -> None:
        process = current_process()
        assert process is not None, "only a node serves"
        self.grpc, self.process, self._boundary = self, process, RpcBoundary(errors)
        self._handlers: dict[str, Any] = {}
        self._listen = ""

    def add_generic_rpc_handlers(self, _: Any) -> None:
        """The registered ones are enough."""

    def add_registered_method_handlers(self, service: str, handlers: dict[str, Any]) -> None:
        self._handlers |= {f"/{service}/{name}": handler for name, handler in handlers.items()}

    async def start(self, listen: str) -> int:
        self._listen = listen
        self.process.world.network.servers[listen] = self
        return int(listen.rpartition(":")[2])

    async def check_health(self, database: Any) -> float:
        return 3600.0

    async def stop(self) -> None:
        """No new calls; running ones end within their deadlines."""
        network = self.process.world.network
        network.servers.pop(self._listen, None)
        running = [h for x in network.open for p, h in x.handlers if p is self.process and not h.done()]
        if running:
            await asyncio.wait(running, timeout=10)

    async def handle(self, method: str, request: bytes, deadline: float) -> bytes:
        """The answer of the real servicer, through the real boundary."""

        async def known(_: Any) -> Any:
            return self._handlers[method]

        details: Any = type("Details", (), {"method": method})
        handler: Any = await self._boundary.intercept_service(known, details)
        context = _Context(self.process.world.loop, deadline)
        try:
            response = await _answer_of(handler, handler.request_deserializer(request), context)
        except _Aborted as aborted:
            raise aborted.error from None
        return bytes(handler.response_serializer(response))


async def _answer_of(handler: Any, request: Any, context: _Context) -> Any:
    """The answer; where both sides are streams, the one to a stream's only message."""
    if handler.unary_unary:
        return await handler.unary_unary(request, context)

    async def only() -> AsyncIterator[Any]:
        yield request

    async with aclosing(handler.stream_stream(only(), context)) as answers:
        async for answer in answers:
            return answer
    raise rpc_error(grpc.StatusCode.UNAVAILABLE, "the server is leaving")
