"""What every room counts: its calls. docs/metrics.md says what each number means."""

# grpc's classes are generic for the type checker only; annotations must not be evaluated.
from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

import grpc
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from pager_grpc.runtime.metrics_http import serving_metrics
from pager_grpc.runtime.rpc_boundary import Context, RpcLayer, StreamCall, UnaryCall
from pager_grpc.runtime.supervision import STEPS_FAILED
from pager_grpc.runtime.version import own_version

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
        self.registry.register(LoopFailures())


class LoopFailures(Collector):
    """The loops of the process, whichever room they are of, and how many of their steps failed."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        """The numbers of now."""
        failed = CounterMetricFamily("loop_steps_failed", "Steps of loops that failed.", labels=["loop"])
        for loop, count in STEPS_FAILED.items():
            failed.add_metric([loop], count)
        yield failed


class RpcMetrics(RpcLayer):
    """Calls by method and status code, and how long unary ones took. A stream has no duration worth knowing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._ended = Counter("rpc_requests_total", "Calls that have ended.", ["method", "code"], registry=registry)
        self._durations = Histogram(
            "rpc_duration_seconds",
            "How long unary calls took.",
            ["method", "code"],
            buckets=_DURATIONS,
            registry=registry,
        )

    def unary(self, method: str, call: UnaryCall) -> UnaryCall:
        """``call``, counted and timed."""
        ended = self._series_of(method.removeprefix("/"), timed=True)

        async def measured(request: Any, context: Context) -> Any:
            begun = perf_counter()
            try:
                response = await call(request, context)
            except BaseException as error:
                ended(code_of(error, context), perf_counter() - begun)
                raise
            ended(grpc.StatusCode.OK, perf_counter() - begun)
            return response

        return measured

    def stream(self, method: str, call: StreamCall) -> StreamCall:
        """``call``, counted when it ends."""
        ended = self._series_of(method.removeprefix("/"), timed=False)

        async def measured(request: Any, context: Context) -> AsyncIterator[Any]:
            try:
                async with aclosing(call(request, context)) as responses:  # type: ignore[type-var]  # a generator
                    async for response in responses:
                        yield response
            except BaseException as error:
                ended(code_of(error, context), 0)
                raise
            ended(grpc.StatusCode.OK, 0)

        return measured

    def _series_of(self, name: str, *, timed: bool) -> Callable[[grpc.StatusCode, float], None]:
        """Counts a call of the method ``name``; to find its series costs more than that, so each is found once."""
        found: dict[grpc.StatusCode, tuple[Counter, Histogram | None]] = {}

        def ended(code: grpc.StatusCode, seconds: float) -> None:
            if (series := found.get(code)) is None:
                durations = self._durations.labels(name, code.name) if timed else None
                series = found[code] = self._ended.labels(name, code.name), durations
            count, durations = series
            count.inc()
            if durations is not None:
                durations.observe(seconds)

        return ended


def code_of(error: BaseException, context: Context) -> grpc.StatusCode:
    """How a call ended that left the boundary with ``error``: its abort, or the caller has gone or its time is up."""
    if isinstance(error, grpc.aio.AbortError):
        code: grpc.StatusCode = context.code()
        return code
    return grpc.StatusCode.DEADLINE_EXCEEDED if context.time_remaining() == 0 else grpc.StatusCode.CANCELLED
