"""Spans on their way to a collector, by OTLP over gRPC.

The library's own exporter calls through the synchronous gRPC from a thread, repeats in silence and may hold up the end
of a process for its timeout. Here the room's own loop sends, what waits has a bound, and what is dropped is counted
(docs/decisions/0027-spans-leave-by-the-rooms-own-loop.md).
"""

import asyncio
from collections import deque
from itertools import islice
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import grpc
import structlog
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from prometheus_client import CollectorRegistry, Counter

from pager_grpc.runtime.supervision import Doorbell

log = structlog.get_logger()

MOST_WAITING = 4096
"""Spans; about 4 MB. The newest are dropped: the beginnings of traces explain more than their ends."""
_AT_ONCE = 128
"""Encoding so many takes the loop a few milliseconds; pages come first."""
_PAUSE_SECONDS, _PAUSE_WHILE_AWAY_SECONDS = 0.5, 5.0
_DEADLINE_SECONDS = 5.0
FAREWELL_SECONDS = 2.0
"""How long a room that leaves waits for the collector."""
# A collector that is back is found again soon; the library's own backoff grows to two minutes.
_OPTIONS = (("grpc.initial_reconnect_backoff_ms", 500), ("grpc.max_reconnect_backoff_ms", 5_000))
_AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def dropped_spans(registry: CollectorRegistry) -> Counter:
    """The count of what nobody will see, by why."""
    counter = Counter("traces_dropped_spans_total", "Spans that no collector took.", ["reason"], registry=registry)
    for reason in ("queue_full", "refused", "left"):
        counter.labels(reason)
    return counter


class SpanExport(SpanProcessor):
    """An async context manager that owns the channel to the collector at ``endpoint`` (http://… or https://…).

    Spans wait for a collector that is away, up to 4096 of them.
    """

    def __init__(self, endpoint: str, dropped: Counter) -> None:
        parts = urlsplit(endpoint)
        if parts.scheme == "https":
            self._channel = grpc.aio.secure_channel(parts.netloc, grpc.ssl_channel_credentials(), _OPTIONS)
        else:
            self._channel = grpc.aio.insecure_channel(parts.netloc, _OPTIONS)
        # The stub gets its methods when it is made, which its types do not tell.
        self._stub: Any = TraceServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._waiting: deque[ReadableSpan] = deque()
        self._dropped = dropped
        self.bell = Doorbell()
        self._is_away = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._channel.close()

    def on_end(self, span: ReadableSpan) -> None:
        """Takes a span; never waits."""
        if not (span.context and span.context.trace_flags.sampled):
            return
        if len(self._waiting) >= MOST_WAITING:
            self._dropped.labels("queue_full").inc()
            return
        self._waiting.append(span)
        if len(self._waiting) >= _AT_ONCE and not self._is_away:
            self.bell.ring()

    async def step(self) -> float:
        """Sends what waits. Seconds until the next time, unless the bell rings because there is enough."""
        return _PAUSE_SECONDS if await self._send_what_waits() else _PAUSE_WHILE_AWAY_SECONDS

    async def hand_over_the_rest(self) -> None:
        """Sends what waits; what the collector has not taken within 2 seconds is dropped."""
        try:
            async with asyncio.timeout(FAREWELL_SECONDS):
                await self._send_what_waits()
        except TimeoutError:
            self._notice(grpc.StatusCode.DEADLINE_EXCEEDED)
        if self._waiting:
            self._dropped.labels("left").inc(len(self._waiting))
            log.warning("spans_dropped", spans=len(self._waiting))

    async def _send_what_waits(self) -> bool:
        """Whether the collector was there. What it has not answered waits on; it may get a span twice."""
        while self._waiting:
            batch = list(islice(self._waiting, _AT_ONCE))
            try:
                answer = await self._stub.Export(encode_spans(batch), timeout=_DEADLINE_SECONDS)
                code, refused = grpc.StatusCode.OK, answer.partial_success.rejected_spans
            except grpc.aio.AioRpcError as error:
                code, refused = error.code(), len(batch)
            except Exception:
                log.exception("spans_make_no_sense", spans=len(batch))
                code, refused = grpc.StatusCode.INTERNAL, len(batch)
            self._notice(code)
            if code in _AWAY:
                return False
            self._dropped.labels("refused").inc(refused)
            for _ in batch:
                self._waiting.popleft()
        return True

    def _notice(self, code: grpc.StatusCode) -> None:
        away = code is not grpc.StatusCode.OK
        if away != self._is_away:
            log.warning(
                "trace_collector_does_not_take_spans" if away else "trace_collector_takes_spans", code=code.name
            )
        self._is_away = away
