"""Tracing that keeps its spans and numbers them."""

from collections.abc import Sequence

from pager_grpc.runtime.tracing import Attributes, Span, SpanKind, Tracing

A_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
A_CALLER = f"00-{A_TRACE}-00f067aa0ba902b7-01"
ANOTHER_CALLER = f"00-{'a' * 32}-{'b' * 16}-01"


class FakeSpan(Span):
    def __init__(self, number: int, name: str, parent: str, links: Sequence[str], attributes: Attributes) -> None:
        trace_id = parent.split("-")[1] if parent else f"{number:032x}"
        self._traceparent = f"00-{trace_id}-{number:016x}-01"
        self.name, self.parent, self.links = name, parent, list(links)
        self.attributes = dict(attributes)
        self.fault = ""
        self.ended = 0

    @property
    def traceparent(self) -> str:
        return self._traceparent

    def note(self, attributes: Attributes) -> None:
        self.attributes |= attributes

    def fail(self, kind: str) -> None:
        self.fault = kind

    def end(self) -> None:
        self.ended += 1


class FakeTracing(Tracing):
    def __init__(self) -> None:
        self.spans: list[FakeSpan] = []

    def begin(
        self,
        name: str,
        *,
        parent: str = "",
        kind: SpanKind = SpanKind.INTERNAL,
        links: Sequence[str] = (),
        attributes: Attributes | None = None,
    ) -> Span:
        self.spans.append(FakeSpan(len(self.spans) + 1, name, parent, links, attributes or {}))
        return self.spans[-1]

    def named(self, name: str) -> list[FakeSpan]:
        return [span for span in self.spans if span.name == name]
