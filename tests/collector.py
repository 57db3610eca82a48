"""A collector of spans: a real server of OpenTelemetry's own protocol, which keeps what it gets.

As a program it prints its endpoint and writes what it gets into the file that it is given.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.json_format import MessageToJson
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class SeenSpan:
    """A span as the collector has it; ids as hexadecimal digits, ``parent_id`` empty for the first of a trace."""

    room: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    links: tuple[str, ...]
    attributes: dict[str, Any]
    fault: str

    @property
    def title(self) -> str:
        return f"{self.room}: {self.name}"


@dataclass
class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """Answers with ``refuses`` if that is set. Everything as ``text``, also in ``file`` before it is answered."""

    spans: list[SeenSpan] = field(default_factory=list)
    text: str = ""
    file: Path | None = None
    refuses: grpc.StatusCode | None = None
    asked: int = 0
    endpoint: str = ""
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def Export(self, request, context):  # noqa: N802 - the contract names the method
        self.asked += 1
        self.news.set()
        if self.refuses is not None:
            await context.abort(self.refuses, "not today")
        self.text += MessageToJson(request)
        if self.file is not None:
            self.file.write_text(self.text)
        for of_room in request.resource_spans:
            room = next(a.value.string_value for a in of_room.resource.attributes if a.key == "service.name")
            self.spans += [_seen(room, span) for scope in of_room.scope_spans for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()

    async def until(self, happened: Callable[[], Any]) -> Any:
        """What ``happened`` returns, once it is true of what has come."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := happened()):
                self.news.clear()
                await self.news.wait()
        return found

    def named(self, title: str) -> list[SeenSpan]:
        return [span for span in self.spans if span.title == title]

    def path_to(self, span: SeenSpan) -> list[str]:
        """Titles from the first span of the trace that has come down to ``span``; ends where a parent is missing."""
        by_id = {one.span_id: one for one in self.spans}
        path = [span.title]
        while (span := by_id.get(span.parent_id)) is not None:
            path.insert(0, span.title)
        return path

    def tree(self, trace_id: str) -> str:
        """A trace as indented lines; spans whose parent has not come stand on the left."""
        spans = [span for span in self.spans if span.trace_id == trace_id]
        ids = {span.span_id for span in spans}

        def lines(parent: str, depth: int) -> list[str]:
            children = [s for s in spans if (s.parent_id if s.parent_id in ids else "") == parent]
            return [line for s in children for line in ("  " * depth + s.title, *lines(s.span_id, depth + 1))]

        return "\n".join(lines("", 0))


@asynccontextmanager
async def collecting(file: Path | None = None) -> AsyncIterator[Collector]:
    """A collector that listens on this machine while it is entered."""
    collector = Collector(file=file)
    server = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    collector.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield collector
    finally:
        await server.stop(0)


def _seen(room: str, span: Any) -> SeenSpan:
    return SeenSpan(
        room,
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        tuple(link.span_id.hex() for link in span.links),
        {a.key: getattr(a.value, a.value.WhichOneof("value")) for a in span.attributes},
        span.status.message,
    )


async def _keep(file: Path) -> None:
    async with collecting(file) as collector:
        print(collector.endpoint, flush=True)  # noqa: T201 - whoever started the program reads it
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_keep(Path(sys.argv[1])))
