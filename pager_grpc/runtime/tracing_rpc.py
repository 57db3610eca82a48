"""A span for each call of a server, under that of the caller. Named as OpenTelemetry's conventions for RPC say."""

# grpc's classes are generic for the type checker only; annotations must not be evaluated.
from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, contextmanager, nullcontext
from typing import Any

import grpc

from pager_grpc.runtime.metrics import code_of
from pager_grpc.runtime.rpc_boundary import Context, RpcLayer, StreamCall, UnaryCall
from pager_grpc.runtime.trace_context import current_traceparent, is_sampled, traceparent_in
from pager_grpc.runtime.tracing import Span, SpanKind, Tracing

_FAULTS = (
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
)
"""Of these the server is to blame; the others are answers."""
_NAMED = ("request_id", "incident_id", "monitored_service_id")
_MOST_CHARACTERS = 255


class TracedCalls(RpcLayer):
    """A unary call without a traceparent begins a trace. A stream without one has no span: it may last for days."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing

    def unary(self, method: str, call: UnaryCall) -> UnaryCall:
        """``call`` in a span that names what the request names."""

        async def traced(request: Any, context: Context) -> Any:
            with self._span(method, context, traceparent_in(context.invocation_metadata())) as span:
                if not is_sampled(span.traceparent):
                    return await call(request, context)
                span.note(_names_of(request))
                response = await call(request, context)
                span.note(_names_of(getattr(response, "incident", None)))
                return response

        return traced

    def stream(self, method: str, call: StreamCall) -> StreamCall:
        """``call`` in a span, if its caller traces."""

        async def traced(request: Any, context: Context) -> AsyncIterator[Any]:
            parent = traceparent_in(context.invocation_metadata())
            with self._span(method, context, parent) if parent else nullcontext():
                async with aclosing(call(request, context)) as responses:  # type: ignore[type-var]  # a generator
                    async for response in responses:
                        yield response

        return traced

    @contextmanager
    def _span(self, method: str, context: Context, parent: str) -> Iterator[Span]:
        name = method.removeprefix("/")
        attributes = {"rpc.system.name": "grpc", "rpc.method": name}
        span = self._tracing.begin(name, parent=parent, kind=SpanKind.SERVER, attributes=attributes)
        # It stays the current one: the task ends with the call, and a stream that nobody reads to its end is closed by
        # another task.
        current_traceparent.set(span.traceparent)
        code = grpc.StatusCode.OK
        try:
            yield span
        except BaseException as error:
            code = code_of(error, context)
            raise
        finally:
            span.note({"rpc.response.status_code": code.name})
            if code in _FAULTS:
                span.fail(code.name)
            span.end()


def calls_in(tracing: Tracing | None) -> RpcLayer | None:
    """The layer that traces the calls of a server, if anybody traces."""
    return TracedCalls(tracing) if tracing is not None else None


def _names_of(request: Any) -> dict[str, str]:
    found = {f"pager.{name}": getattr(request, name, None) for name in _NAMED}
    return {name: value[:_MOST_CHARACTERS] for name, value in found.items() if isinstance(value, str) and value}
