"""Spans on their way to a collector: bounded, counted, never in the way; and one for each call of a server."""

import asyncio
import socket

import grpc
import pytest
import trustme
from collector import Collector, collecting
from google.protobuf import empty_pb2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import add_TraceServiceServicer_to_server
from prometheus_client import CollectorRegistry

from pager_domain.errors import StoreUnavailable
from pager_grpc.notifier.wire_errors import ERRORS
from pager_grpc.pager.config import PagerSettings
from pager_grpc.runtime import config, span_export_otlp
from pager_grpc.runtime.config import ConfigurationFault, read_settings
from pager_grpc.runtime.server import Server
from pager_grpc.runtime.trace_context import current_traceparent
from pager_grpc.runtime.tracing import spanning
from pager_grpc.runtime.tracing_opentelemetry import open_tracing
from pager_grpc.runtime.tracing_rpc import TracedCalls

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = f"00-{TRACE}-00f067aa0ba902b7-01"
NOT_RECORDED = f"00-{TRACE}-00f067aa0ba902b7-00"


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
async def collector():
    async with collecting() as collector:
        yield collector


def dropped(registry):
    reasons = ("queue_full", "refused", "left")
    counts = {r: registry.get_sample_value("traces_dropped_spans_total", {"reason": r}) for r in reasons}
    return {reason: count for reason, count in counts.items() if count}


def spans(tracing, number, parent=CALLER):
    for _ in range(number):
        tracing.begin("work", parent=parent).end()


async def test_spans_come_with_their_parents_links_attributes_and_faults(collector, registry):
    async with open_tracing(collector.endpoint, 1.0, "pager", registry) as tracing:
        other = tracing.begin("other")
        with spanning(tracing, "outer", parent=CALLER, links=[other.traceparent], attributes={"pager.level": 2}):
            inner = tracing.begin("inner", parent=current_traceparent.get())
            inner.fail("StoreUnavailable")
            inner.end()
        assert current_traceparent.get() == ""
    [outer], [inner] = collector.named("pager: outer"), collector.named("pager: inner")
    assert (outer.trace_id, outer.parent_id, outer.attributes) == (TRACE, "00f067aa0ba902b7", {"pager.level": 2})
    assert outer.links == (other.traceparent.split("-")[2],)
    assert (inner.parent_id, inner.fault) == (outer.span_id, "StoreUnavailable")
    assert dropped(registry) == {}


async def test_what_the_caller_does_not_record_is_not_recorded_here_either(collector, registry):
    async with open_tracing(collector.endpoint, 1.0, "pager", registry) as tracing:
        with spanning(tracing, "outer", parent=NOT_RECORDED) as span:
            assert span.traceparent.startswith(f"00-{TRACE}-")
            assert span.traceparent.endswith("-00")
    assert collector.spans == []


@pytest.mark.parametrize(("ratio", "seen"), [(0.0, 0), (1.0, 20)])
async def test_of_the_traces_that_begin_here_as_many_are_recorded_as_the_ratio_says(collector, registry, ratio, seen):
    async with open_tracing(collector.endpoint, ratio, "pager", registry) as tracing:
        spans(tracing, 20, parent="")
    assert len(collector.spans) == seen


async def test_spans_wait_for_a_collector_that_is_away_and_come_once_it_is_back(collector, registry, monkeypatch):
    monkeypatch.setattr(span_export_otlp, "_PAUSE_WHILE_AWAY_SECONDS", 0.01)
    collector.refuses = grpc.StatusCode.UNAVAILABLE
    async with open_tracing(collector.endpoint, 1.0, "pager", registry) as tracing:
        spans(tracing, 300)
        await collector.until(lambda: collector.asked >= 2)
        collector.refuses = None
        await collector.until(lambda: len(collector.spans) == 300)
    assert dropped(registry) == {}


async def test_more_spans_than_can_wait_are_dropped_and_counted(collector, registry, monkeypatch):
    monkeypatch.setattr(span_export_otlp, "MOST_WAITING", 10)
    async with open_tracing(collector.endpoint, 1.0, "pager", registry) as tracing:
        spans(tracing, 25)
        assert dropped(registry) == {"queue_full": 15}
    assert len(collector.spans) == 10


async def test_spans_that_a_collector_refuses_are_counted_and_not_sent_again(collector, registry):
    collector.refuses = grpc.StatusCode.INVALID_ARGUMENT
    async with open_tracing(collector.endpoint, 1.0, "pager", registry) as tracing:
        spans(tracing, 3)
    assert dropped(registry) == {"refused": 3}
    assert collector.asked == 1


async def test_a_room_leaves_though_its_collector_is_dead_and_counts_what_nobody_saw(registry):
    async with open_tracing("http://127.0.0.1:1", 1.0, "pager", registry) as tracing:
        spans(tracing, 3)
    assert dropped(registry) == {"left": 3}


async def test_a_collector_whose_certificate_nobody_vouches_for_gets_no_span(registry):
    server, collector = grpc.aio.server(), Collector()
    add_TraceServiceServicer_to_server(collector, server)
    own = trustme.CA().issue_cert("localhost")
    chain = b"".join(part.bytes() for part in own.cert_chain_pems)
    credentials = grpc.ssl_server_credentials([(own.private_key_pem.bytes(), chain)])
    port = server.add_secure_port("localhost:0", credentials)
    await server.start()
    async with open_tracing(f"https://localhost:{port}", 1.0, "pager", registry) as tracing:
        spans(tracing, 3)
    await server.stop(0)
    assert (collector.asked, dropped(registry)) == (0, {"left": 3})


async def test_a_room_does_not_wait_long_for_a_collector_that_says_nothing(registry, monkeypatch):
    monkeypatch.setattr(span_export_otlp, "FAREWELL_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and nothing else
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with open_tracing(endpoint, 1.0, "pager", registry) as tracing:
            spans(tracing, 3)
    assert dropped(registry) == {"left": 3}


class Echo:
    """Two methods, of which one breaks as it is told."""

    def __init__(self) -> None:
        self.fault = None
        self.stays = False
        self.seen = []

    def add_to(self, server):
        handlers = {
            "Call": grpc.unary_unary_rpc_method_handler(self.call),
            "Watch": grpc.unary_stream_rpc_method_handler(self.watch),
        }
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.v1.Echo", handlers)])

    async def call(self, request, context):
        self.seen.append(current_traceparent.get())
        if self.fault is not None:
            raise self.fault
        return empty_pb2.Empty().SerializeToString()

    async def watch(self, request, context):
        self.seen.append(current_traceparent.get())
        yield b""
        if self.stays:
            await asyncio.Event().wait()


@pytest.fixture
async def echo(collector, registry):
    """An echo, and what calls a method of it with a traceparent; the spans have come when the body is left."""
    async with open_tracing(collector.endpoint, 1.0, "echo", registry) as tracing:
        echo = Echo()
        server = Server("test.v1.Echo", ERRORS, reflected=False, traces=TracedCalls(tracing))
        echo.add_to(server.grpc)
        port = await server.start("127.0.0.1:0")
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:

            async def call(traceparent):
                metadata = [("traceparent", traceparent)] if traceparent else None
                try:
                    await channel.unary_unary("/test.v1.Echo/Call")(b"", metadata=metadata)
                except grpc.aio.AioRpcError as error:
                    return error.code()
                return grpc.StatusCode.OK

            echo.called, echo.channel = call, channel
            yield echo
        await server.stop()


@pytest.mark.parametrize(
    ("fault", "code", "blamed"),
    [
        (None, "OK", ""),
        (StoreUnavailable(), "UNAVAILABLE", "UNAVAILABLE"),
        (ZeroDivisionError("ana@example.com"), "INTERNAL", "INTERNAL"),
    ],
)
async def test_a_call_is_a_span_under_that_of_its_caller_and_says_how_it_ended(echo, collector, fault, code, blamed):
    echo.fault = fault
    assert (await echo.called(CALLER)).name == code
    [span] = await collector.until(lambda: collector.spans)
    assert (span.name, span.trace_id, span.parent_id) == ("test.v1.Echo/Call", TRACE, "00f067aa0ba902b7")
    assert echo.seen[0].split("-")[1:3] == [TRACE, span.span_id], "what the call does belongs to its span"
    assert (span.attributes["rpc.response.status_code"], span.fault) == (code, blamed)
    assert "example.com" not in collector.text


@pytest.mark.parametrize("traceparent", ["", "nonsense"])
async def test_a_call_of_nobodys_trace_begins_one(echo, collector, traceparent):
    await echo.called(traceparent)
    [span] = await collector.until(lambda: collector.spans)
    assert (span.parent_id, span.trace_id) != ("00f067aa0ba902b7", TRACE)
    assert span.parent_id == ""


async def test_a_stream_is_a_span_only_if_its_caller_traces(echo, collector):
    watch = echo.channel.unary_stream("/test.v1.Echo/Watch")
    assert [message async for message in watch(b"")] == [b""]
    assert [message async for message in watch(b"", metadata=[("traceparent", CALLER)])] == [b""]
    [span] = await collector.until(lambda: collector.spans)
    assert (span.name, span.trace_id) == ("test.v1.Echo/Watch", TRACE)
    assert echo.seen[0] == ""


async def test_a_stream_that_its_caller_leaves_is_a_span_that_was_cancelled(echo, collector):
    echo.stays = True
    watch = echo.channel.unary_stream("/test.v1.Echo/Watch")(b"", metadata=[("traceparent", CALLER)])
    assert await watch.read() == b""
    watch.cancel()
    [span] = await collector.until(lambda: collector.spans)
    assert (span.attributes["rpc.response.status_code"], span.fault) == ("CANCELLED", "")


@pytest.fixture
def faults(monkeypatch, tmp_path):
    """What is wrong with an endpoint and a ratio."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PAGER_CATCH_ALL_EMAIL", "everybody@example.com")

    def of(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        try:
            read_settings(PagerSettings)
        except ConfigurationFault as fault:
            return fault.faults
        return []

    return of


@pytest.mark.parametrize(
    "endpoint", ["127.0.0.1:4317", "http://", "http://key@host:4317", "http://host:4317/v1/traces"]
)
def test_a_collector_is_named_by_a_plain_address(faults, endpoint):
    said = "PAGERD_TRACES_ENDPOINT: must be like http://127.0.0.1:4317 or https://collector.example.com:4317"
    assert faults(PAGERD_TRACES_ENDPOINT=endpoint) == [said]
    assert faults(PAGERD_TRACES_ENDPOINT="https://collector.example.com:4317/") == []


@pytest.mark.parametrize("ratio", ["-0.1", "1.1", "half"])
def test_a_ratio_is_between_0_and_1(faults, ratio):
    [fault] = faults(PAGERD_TRACES_RATIO=ratio)
    assert fault.startswith("PAGERD_TRACES_RATIO: ")


def test_a_collector_without_the_packages_is_a_fault_that_says_which_to_install(faults, monkeypatch):
    monkeypatch.setattr(config, "_TRACING", ("opentelemetry_that_is_not_here.sdk",))
    assert faults() == []
    [fault] = faults(PAGERD_TRACES_ENDPOINT="http://127.0.0.1:4317")
    assert fault.startswith("PAGERD_TRACES_ENDPOINT: needs packages that are not installed")
    assert "hexagonal-pager[tracing]" in fault
