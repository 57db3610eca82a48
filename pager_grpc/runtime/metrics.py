"""What every room counts: its calls. docs/metrics.md says what each number means."""

# grpc's classes are generic for the type checker only; annotations must not be evaluated.
from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import grpc
import structlog
from prometheus_client import CollectorRegistry, Gauge, ProcessCollector

from pager_grpc.runtime.ended_calls import EndedCalls, Ends
from pager_grpc.runtime.metrics_http import serving_metrics
from pager_grpc.runtime.rpc_boundary import Context, RpcLayer, StreamCall, UnaryCall
from pager_grpc.runtime.version import own_version

if TYPE_CHECKING:
    from pager_grpc.runtime.tls import Tls

log = structlog.get_logger()


class Metrics:
    """The numbers of one room, in a registry of its own: several rooms may run in one process.

    ``port`` is where they are served, None while they are not.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.port: int | None = None

    @asynccontextmanager
    async def served(self, room: str, listen: str | None, tls: Tls | None = None) -> AsyncIterator[list[RpcLayer]]:
        """Serves ``/metrics`` while it is entered and yields the layers that count calls; without ``listen`` neither.

        The room and the process are told of, too.

        Over HTTPS with ``tls``.

        Raises:
            ConfigurationFault: the address cannot be opened.
        """
        if listen is None:
            yield []
            return
        self._tell_of(room)
        async with serving_metrics(self.registry, listen, tls) as self.port:
            log.info("metrics_served", port=self.port)
            yield [RpcMetrics(self.registry)]
        self.port = None

    def _tell_of(self, room: str) -> None:
        built = Gauge("pagerd_build_info", "Which room, of which version.", ["version", "room"], registry=self.registry)
        built.labels(own_version(), room).set(1)
        Gauge("pagerd_start_time_seconds", "When the room began.", registry=self.registry).set_to_current_time()
        ProcessCollector(registry=self.registry)


class RpcMetrics(RpcLayer):
    """Calls by method and status code, and how long unary ones took. A stream has no duration worth knowing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ended = EndedCalls(registry)

    def unary(self, method: str, call: UnaryCall) -> UnaryCall:
        """``call``, counted and timed."""
        ends_by = partial(self._ended.of, method.removeprefix("/"), timed=True)
        well: Ends | None = None

        async def measured(request: Any, context: Context) -> Any:
            nonlocal well
            begun = perf_counter()
            try:
                response = await call(request, context)
            except BaseException as error:
                ends_by(code_of(error, context)).add(perf_counter() - begun)
                raise
            if well is None:
                well = ends_by(grpc.StatusCode.OK)
            well.add(perf_counter() - begun)
            return response

        return measured

    def stream(self, method: str, call: StreamCall) -> StreamCall:
        """``call``, counted when it ends."""
        ends_by = partial(self._ended.of, method.removeprefix("/"), timed=False)

        async def measured(request: Any, context: Context) -> AsyncIterator[Any]:
            try:
                async for response in call(request, context):
                    yield response
            except BaseException as error:
                ends_by(code_of(error, context)).add(0)
                raise
            ends_by(grpc.StatusCode.OK).add(0)

        return measured


def code_of(error: BaseException, context: Context) -> grpc.StatusCode:
    """How a call ended that left the boundary with ``error``: its abort, or the caller has gone or its time is up."""
    if isinstance(error, grpc.aio.AbortError):
        code: grpc.StatusCode = context.code()
        return code
    return grpc.StatusCode.DEADLINE_EXCEEDED if context.time_remaining() == 0 else grpc.StatusCode.CANCELLED
