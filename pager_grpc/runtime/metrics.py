"""What every room counts: its calls. docs/metrics.md says what each number means."""

# grpc's classes are generic for the type checker only; annotations must not be evaluated.
from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

import grpc
import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

from pager_grpc.runtime.metrics_http import serving_metrics
from pager_grpc.runtime.rpc_boundary import Context, RpcLayer, StreamCall, UnaryCall

if TYPE_CHECKING:
    from pager_grpc.runtime.tls import Tls

log = structlog.get_logger()

_DURATIONS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The numbers of one room, in a registry of its own: several rooms may run in one process.

    ``port`` is where they are served, None while they are not.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.port: int | None = None

    @asynccontextmanager
    async def served(self, listen: str | None, tls: Tls | None = None) -> AsyncIterator[RpcMetrics | None]:
        """Serves ``/metrics`` while it is entered and yields what counts calls; without ``listen`` neither is done.

        Over HTTPS with ``tls``.

        Raises:
            ConfigurationFault: the address cannot be opened.
        """
        if listen is None:
            yield None
            return
        async with serving_metrics(self.registry, listen, tls) as self.port:
            log.info("metrics_served", port=self.port)
            yield RpcMetrics(self.registry)
        self.port = None


class RpcMetrics(RpcLayer):
    """Calls by method and status code, and how long unary ones took. A stream has no duration worth knowing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ended = Counter("rpc_requests_total", "Calls that have ended.", ["method", "code"], registry=registry)
        self._durations = Histogram(
            "rpc_duration_seconds", "How long unary calls took.", ["method"], buckets=_DURATIONS, registry=registry
        )

    def unary(self, method: str, call: UnaryCall) -> UnaryCall:
        """``call``, counted and timed."""
        name = method.removeprefix("/")
        duration = self._durations.labels(name)

        async def measured(request: Any, context: Context) -> Any:
            begun = perf_counter()
            with self._counting(name, context):
                try:
                    return await call(request, context)
                finally:
                    duration.observe(perf_counter() - begun)

        return measured

    def stream(self, method: str, call: StreamCall) -> StreamCall:
        """``call``, counted when it ends."""
        name = method.removeprefix("/")

        async def measured(request: Any, context: Context) -> AsyncIterator[Any]:
            with self._counting(name, context):
                async for response in call(request, context):
                    yield response

        return measured

    @contextmanager
    def _counting(self, name: str, context: Context) -> Iterator[None]:
        code = grpc.StatusCode.OK
        try:
            yield
        except BaseException as error:
            code = code_of(error, context)
            raise
        finally:
            self._ended.labels(name, code.name).inc()


def code_of(error: BaseException, context: Context) -> grpc.StatusCode:
    """How a call ended that left the boundary with ``error``: its abort, or the caller has gone or its time is up."""
    if isinstance(error, grpc.aio.AbortError):
        code: grpc.StatusCode = context.code()
        return code
    return grpc.StatusCode.DEADLINE_EXCEEDED if context.time_remaining() == 0 else grpc.StatusCode.CANCELLED
