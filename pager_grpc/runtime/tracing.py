"""Spans: what was done for whom, and how long it took. A room knows this page only, never the library behind it.

A span names methods, ids and outcomes. It never holds an address, a text of an alert or a provider's words.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from enum import Enum
from typing import Protocol

from prometheus_client import CollectorRegistry

from pager_grpc.runtime.config import RoomSettings
from pager_grpc.runtime.trace_context import current_traceparent

Attributes = Mapping[str, str | int | float | bool]


class SpanKind(Enum):
    """Which side of a conversation a span stands on."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    CONSUMER = "consumer"


class Span(Protocol):
    """Something that is being done."""

    @property
    def traceparent(self) -> str:
        """What is done for it names this as its parent."""

    def note(self, attributes: Attributes) -> None:
        """Adds what is known by now."""

    def fail(self, kind: str) -> None:
        """It went wrong; ``kind`` is a short word, like the name of a class or a status code."""

    def end(self) -> None:
        """It is done."""


class Tracing(Protocol):
    """Where spans go. Nothing here waits for anybody, and nothing raises."""

    def begin(
        self,
        name: str,
        *,
        parent: str = "",
        kind: SpanKind = SpanKind.INTERNAL,
        links: Sequence[str] = (),
        attributes: Attributes | None = None,
    ) -> Span:
        """A span that has begun now. Without a ``parent`` (a traceparent) it begins a trace, which may be recorded."""


class _NoSpan(Span):
    """Nobody looks."""

    traceparent = ""

    def note(self, attributes: Attributes) -> None:
        """Forgotten."""

    def fail(self, kind: str) -> None:
        """Forgotten."""

    def end(self) -> None:
        """Nothing was begun."""


NO_SPAN = _NoSpan()


NOT_TRACED = nullcontext(NO_SPAN)
"""Around what nobody looks at."""


def spanning(
    tracing: Tracing | None,
    name: str,
    *,
    parent: str,
    kind: SpanKind = SpanKind.INTERNAL,
    links: Sequence[str] = (),
    attributes: Attributes | None = None,
) -> AbstractContextManager[Span]:
    """A span around the body, which is the current one there; ``NO_SPAN`` without ``tracing`` or without a ``parent``.

    What the body raises is noted by its class alone: its words may hold an address.
    """
    if tracing is None or not parent:
        return NOT_TRACED
    return _within(tracing.begin(name, parent=parent, kind=kind, links=links, attributes=attributes))


@contextmanager
def _within(span: Span) -> Iterator[Span]:
    """``span`` is the current one in the body and ends with it; it fails if the body raises."""
    token = current_traceparent.set(span.traceparent)
    try:
        yield span
    except BaseException as error:
        span.fail(type(error).__name__)
        raise
    finally:
        current_traceparent.reset(token)
        span.end()


@asynccontextmanager
async def tracing_as_configured(
    settings: RoomSettings, room: str, registry: CollectorRegistry
) -> AsyncIterator[Tracing | None]:
    """Where the spans of ``room`` go while it is entered; None if nobody asked for them. Left, it hands over the rest.

    ``registry`` gets the count of dropped spans.
    """
    if settings.traces_endpoint is None:
        yield None
        return
    # Whoever asks for no traces neither has nor loads the library.
    from pager_grpc.runtime.tracing_opentelemetry import open_tracing  # noqa: PLC0415 - see above

    async with open_tracing(settings.traces_endpoint, settings.traces_ratio, room, registry) as tracing:
        yield tracing
