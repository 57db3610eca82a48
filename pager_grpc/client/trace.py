"""Calls as a part of a trace that the program has begun."""

from collections.abc import Iterator
from contextlib import contextmanager

from pager_grpc.runtime.trace_context import checked_traceparent, current_traceparent


@contextmanager
def in_trace(traceparent: str) -> Iterator[None]:
    """Calls within it say that they belong to ``traceparent`` (W3C Trace Context); what is none is said to nobody.

    With OpenTelemetry: ``carrier = {}; propagate.inject(carrier)``, then ``carrier.get("traceparent", "")``.
    """
    token = current_traceparent.set(checked_traceparent(traceparent))
    try:
        yield
    finally:
        current_traceparent.reset(token)
