"""A log line says what it is about, told once where the work begins."""

import asyncio
import json
import os
from contextlib import suppress
from types import SimpleNamespace

import grpc
import pytest
import structlog
from structlog.testing import capture_logs

from pager_domain.errors import StoreUnavailable
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.pager.wire_errors import ERRORS
from pager_grpc.runtime.log_context import add_ids, lines_are_about
from pager_grpc.runtime.logs import Lenient
from pager_grpc.runtime.rpc_boundary import log
from pager_grpc.runtime.server import Server
from pager_grpc.runtime.trace_context import current_traceparent

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def the_line(subject, traceparent="", **said):
    """What a task that is about ``subject`` writes."""

    async def work():
        lines_are_about(subject)
        current_traceparent.set(traceparent)
        log.info("happened", **said)

    with capture_logs(processors=[add_ids]) as lines:
        await asyncio.create_task(work())
    [line] = lines
    return line


async def test_a_line_within_a_call_names_what_the_request_names():
    request = pb.AcknowledgeRequest(request_id="r-1", monitored_service_id="checkout", acknowledged_by="ana")
    line = await the_line(request)
    assert (line["request_id"], line["monitored_service_id"]) == ("r-1", "checkout")
    assert "incident_id" not in line, "the request names none"
    assert "ana" not in str(line)


async def test_a_line_within_a_span_says_which():
    line = await the_line(None, TRACEPARENT)
    assert (line["trace_id"], line["span_id"]) == ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")


async def test_what_a_line_says_itself_stands():
    line = await the_line(SimpleNamespace(incident_id="of the subject"), TRACEPARENT, incident_id="said", trace_id="t")
    assert (line["incident_id"], line["trace_id"]) == ("said", "t")


async def test_an_id_that_nobody_has_looked_at_yet_does_not_fill_the_log():
    assert len((await the_line(pb.GetIncidentRequest(incident_id="x" * 60_000)))["incident_id"]) == 255


async def test_another_task_writes_about_something_else():
    await the_line(SimpleNamespace(incident_id="of another task"))
    assert "incident_id" not in await the_line(None)


async def test_a_call_that_is_refused_is_told_with_the_ids_that_it_names():
    async def refuse(request, context):
        raise StoreUnavailable

    server = Server("test.v1.Echo", ERRORS, reflected=False)
    method = grpc.unary_unary_rpc_method_handler(refuse, pb.AcknowledgeRequest.FromString)
    server.grpc.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.v1.Echo", {"Call": method})])
    port = await server.start("127.0.0.1:0")
    request = pb.AcknowledgeRequest(request_id="r-1", incident_id="i-1", monitored_service_id="checkout", note="secret")
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary("/test.v1.Echo/Call", pb.AcknowledgeRequest.SerializeToString)
        with capture_logs(processors=[add_ids]) as lines, pytest.raises(grpc.aio.AioRpcError):
            await call(request)
    await server.stop()
    [line] = [line for line in lines if line["event"] == "rpc_refused"]
    assert (line["request_id"], line["incident_id"], line["monitored_service_id"]) == ("r-1", "i-1", "checkout")
    assert "secret" not in str(line)


class APipe:
    """Somebody who reads a log, or does not; it holds 64 KiB."""

    def __init__(self):
        self.end, self.descriptor = os.pipe()
        self.lines = Lenient(self.descriptor)
        processors = [self.lines.add_unwritten, structlog.processors.JSONRenderer()]
        self.log = structlog.wrap_logger(structlog.WriteLogger(self.lines), processors=processors)

    def read(self):
        """What is there, which may end within a line."""
        return os.read(self.end, 1 << 20)


@pytest.fixture
def a_pipe():
    pipe = APipe()
    yield pipe
    os.close(pipe.descriptor)
    with suppress(OSError):
        os.close(pipe.end)


@pytest.mark.parametrize("size", [100, 9_000], ids="{} characters a line".format)
def test_a_reader_who_stands_still_stops_nobody_and_every_line_is_whole(a_pipe, size):
    said = 2 * (1 << 16) // size
    for number in range(said):
        a_pipe.log.info("x" * size, number=number)
    heard = a_pipe.read()
    a_pipe.log.info("again")
    *lines, again = map(json.loads, (heard + a_pipe.read()).splitlines())
    assert 0 < len(lines) < said
    assert [line["number"] for line in lines] == list(range(len(lines)))
    assert again == {"event": "again", "lines_unwritten_before": said - len(lines)}


def test_once_all_is_well_again_no_line_says_anything_of_it(a_pipe):
    for _ in range(2_000):
        a_pipe.log.info("x" * 100)
    a_pipe.read()
    a_pipe.log.info("again")
    a_pipe.log.info("and again")
    assert a_pipe.read().splitlines()[-1] == b'{"event": "and again"}'


def test_a_reader_that_has_gone_stops_nobody(a_pipe):
    os.close(a_pipe.end)
    a_pipe.log.info("nobody hears this")
    a_pipe.log.info("nor this")
    assert a_pipe.lines.add_unwritten(None, "info", {}) == {"lines_unwritten_before": 2}
