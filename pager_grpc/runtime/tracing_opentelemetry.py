"""Tracing kept by OpenTelemetry's SDK. Only this module and ``span_export_otlp.py`` know the library."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from prometheus_client import CollectorRegistry

from pager_grpc.runtime.span_export_otlp import SpanExport, dropped_spans
from pager_grpc.runtime.supervision import run_forever, running
from pager_grpc.runtime.tracing import Attributes, Span, SpanKind, Tracing

_KINDS = {
    SpanKind.INTERNAL: trace.SpanKind.INTERNAL,
    SpanKind.SERVER: trace.SpanKind.SERVER,
    SpanKind.CLIENT: trace.SpanKind.CLIENT,
    SpanKind.CONSUMER: trace.SpanKind.CONSUMER,
}
MOST_LINKS = 128
"""What the SDK keeps of the links of a span."""


class _OpenTelemetrySpan(Span):
    """``span``, by our words."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        context = span.get_span_context()
        self._traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"

    @property
    def traceparent(self) -> str:
        """What is done for it names this as its parent."""
        return self._traceparent

    def note(self, attributes: Attributes) -> None:
        """As attributes."""
        self._span.set_attributes(attributes)

    def fail(self, kind: str) -> None:
        """As status and ``error.type``. No exception is recorded: its words may hold an address."""
        self._span.set_attribute("error.type", kind)
        self._span.set_status(trace.StatusCode.ERROR, kind)

    def end(self) -> None:
        """Now."""
        self._span.end()


class OpenTelemetryTracing(Tracing):
    """Spans of one room, sampled where a trace begins, handed to ``processor``; nothing of it is global."""

    def __init__(self, room: str, ratio: float, processor: SpanProcessor) -> None:
        resource = Resource.create(
            {"service.namespace": "hexagonal-pager", "service.name": room, "service.instance.id": str(uuid4())}
        )
        sampler = ParentBased(TraceIdRatioBased(ratio))
        provider = TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(processor)
        self._tracer = provider.get_tracer("hexagonal-pager")

    def begin(
        self,
        name: str,
        *,
        parent: str = "",
        kind: SpanKind = SpanKind.INTERNAL,
        links: Sequence[str] = (),
        attributes: Attributes | None = None,
    ) -> Span:
        """A span of the SDK."""
        context = Context()
        if parent:
            context = trace.set_span_in_context(trace.NonRecordingSpan(_context_of(parent)), context)
        linked = [trace.Link(_context_of(link)) for link in links[:MOST_LINKS]]
        span = self._tracer.start_span(name, context, _KINDS[kind], attributes, linked)
        return _OpenTelemetrySpan(span)


@asynccontextmanager
async def open_tracing(
    endpoint: str, ratio: float, room: str, registry: CollectorRegistry
) -> AsyncIterator[OpenTelemetryTracing]:
    """Spans of ``room`` go to the collector at ``endpoint`` while it is entered."""
    export = SpanExport(endpoint, dropped_spans(registry))
    async with export:
        try:
            async with running(run_forever("traces", export.step, export.bell)):
                yield OpenTelemetryTracing(room, ratio, export)
        finally:
            await export.hand_over_the_rest()


def _context_of(traceparent: str) -> trace.SpanContext:
    _, trace_id, span_id, flags = traceparent.split("-")
    return trace.SpanContext(
        int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=trace.TraceFlags(int(flags, 16))
    )
