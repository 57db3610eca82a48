"""What a server refuses before any of our code looks at it: at its limit, one over and a hundred over."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from types import SimpleNamespace

import grpc
import pytest
from adapters.raw_http2 import raw_connection
from grpc_health.v1 import health_pb2

from pager_domain.errors import DeadlineImposed
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.deadlines import ImposedDeadlines
from pager_grpc.runtime.errors import fault_of
from pager_grpc.runtime.limits import ServerLimits
from pager_grpc.runtime.server import Server

CHECK, WATCH = "/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"


@asynccontextmanager
async def a_server(**limits):
    server = Server("test", {}, limits=ServerLimits(**limits))
    await server.report_health(serving=True)
    port = await server.start("127.0.0.1:0")
    try:
        yield port
    finally:
        await server.grpc.stop(0)


async def code_of(channel, request: bytes = b"", metadata=()) -> grpc.StatusCode:
    try:
        async with asyncio.timeout(15):  # a deadline of gRPC's own goes with the metadata, and its length varies
            await channel.unary_unary(CHECK)(request, metadata=metadata)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


def padded(size: int) -> bytes:
    """A health check of so many bytes, most of them a field that nobody knows."""
    head = b"\x9a\x06"  # field 99, of a length
    for length in range(size - 6, size):
        body = head + _varint(length) + bytes(length)
        if len(body) == size:
            return body
    raise AssertionError("no such size")


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


async def test_a_message_of_64_kib_is_taken_and_a_longer_one_is_not():
    async with a_server() as port, open_channel(f"127.0.0.1:{port}") as channel:
        sizes = {size: await code_of(channel, padded(size)) for size in (65_536, 65_537, 6_553_600)}
    refused = grpc.StatusCode.RESOURCE_EXHAUSTED
    assert sizes == {65_536: grpc.StatusCode.OK, 65_537: refused, 6_553_600: refused}


async def test_metadata_is_taken_up_to_8_kib_and_not_a_byte_more():
    async with a_server() as port, open_channel(f"127.0.0.1:{port}") as channel:

        async def code_with(size: int) -> grpc.StatusCode:
            return await code_of(channel, metadata=[("x", "y" * size)])

        # What else gRPC sends counts, too, so the last size that fits is looked for.
        fits, fails = 0, 8192
        while fails - fits > 1:
            size = (fits + fails) // 2
            fits, fails = (size, fails) if await code_with(size) is grpc.StatusCode.OK else (fits, size)
        assert 7_000 < fits < 8_192
        refused = [await code_with(size) for size in (fits + 1, 100 * fits)]
    assert refused == [grpc.StatusCode.RESOURCE_EXHAUSTED] * 2


@pytest.mark.parametrize("over", [1, 100])
async def test_a_connection_has_512_calls_at_once_and_each_further_one_is_refused(over):
    async with a_server() as port, raw_connection(port) as connection:
        assert connection.streams == ServerLimits().streams == 512
        connection.begin(WATCH, 512)
        await connection.until_looked_at()
        assert connection.refused == []
        connection.begin(WATCH, over)
        await connection.until(lambda seen: len(seen.refused) >= over)
        assert connection.refused == [2 * number + 1 for number in range(512, 512 + over)]
        assert not connection.closed


@pytest.mark.parametrize("over", [1, 100])
async def test_connections_beyond_the_limit_are_closed_at_once_and_the_others_go_on(over):
    async with a_server(connections=5) as port, AsyncExitStack() as stack:
        taken = [await stack.enter_async_context(raw_connection(port)) for _ in range(5)]
        for _ in range(over):
            async with raw_connection(port) as refused:
                assert refused.closed
                assert refused.streams is None
        for connection in taken:
            await connection.until_looked_at()
            assert not connection.closed


async def test_room_that_a_connection_leaves_is_room_for_another():
    async with a_server(connections=1) as port:
        async with raw_connection(port):
            pass
        async with open_channel(f"127.0.0.1:{port}") as channel:
            stub = channel.unary_unary(CHECK)
            assert await stub(health_pb2.HealthCheckRequest().SerializeToString(), timeout=15, wait_for_ready=True)


@pytest.mark.parametrize("over", [1, 100])
async def test_pings_without_a_call_end_the_connection_at_the_third_too_many(over):
    async with a_server() as port, raw_connection(port) as connection:
        connection.ping(3)
        await connection.until(lambda seen: seen.pongs == 3)
        assert connection.farewell is None
        connection.ping(over)
        await connection.until(lambda seen: seen.farewell is not None)
        assert connection.farewell == b"too_many_pings"


async def test_a_client_that_never_says_hello_is_hung_up_on():
    async with a_server(handshake=0.2) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(15):
            while await reader.read(4096):
                pass  # what the server says before it hears anything
        writer.close()


async def test_an_old_connection_is_asked_to_end_and_its_client_goes_on_over_another():
    async with a_server(connection_age=1, connection_grace=1) as port, open_channel(f"127.0.0.1:{port}") as channel:
        async with raw_connection(port) as connection:
            await connection.until(lambda seen: seen.farewell is not None)
            assert b"max_age" in connection.farewell
            await connection.until(lambda seen: seen.closed)
        assert await code_of(channel) is grpc.StatusCode.OK


@pytest.mark.parametrize("name", ServerLimits.__slots__)
def test_a_limit_of_nothing_is_refused_by_name(name):
    with pytest.raises(ValueError, match=name):
        ServerLimits(**{name: 0})


ERRORS = {DeadlineImposed: (grpc.StatusCode.DEADLINE_EXCEEDED, "ERROR_REASON_DEADLINE_IMPOSED")}


METHOD = "/test.Test/Method"


@asynccontextmanager
async def a_method(handler, layer):
    """A channel to a server of one method."""
    server = Server("test", ERRORS, layers=[layer])
    server.grpc.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Test", {"Method": handler}),))
    port = await server.start("127.0.0.1:0")
    try:
        async with open_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.grpc.stop(0)


@pytest.mark.parametrize("asked", [None, 1.0 * 100])
async def test_a_call_without_a_deadline_or_with_a_distant_one_is_given_up(asked):
    left = asyncio.Event()

    async def never(request, context):
        try:
            await asyncio.Event().wait()
        finally:
            left.set()

    never_answered = grpc.unary_unary_rpc_method_handler(never)
    async with a_method(never_answered, ImposedDeadlines(0.1, stream=100)) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await channel.unary_unary(METHOD)(b"", timeout=asked)
    fault = fault_of(refusal.value)
    assert (fault.code, fault.reason) == ERRORS[DeadlineImposed]
    assert fault.metadata == {"seconds": "0.1"}
    assert left.is_set()


async def test_each_of_many_calls_has_its_own_time_also_after_others_were_given_up_or_answered():
    async def answered_if_short(request, context):
        if request != b"short":
            await asyncio.Event().wait()
        return request

    async def ended(channel, request):
        try:
            return await channel.unary_unary(METHOD)(request)
        except grpc.aio.AioRpcError as error:
            return error.code()

    handler = grpc.unary_unary_rpc_method_handler(answered_if_short)
    async with a_method(handler, ImposedDeadlines(0.1, stream=100)) as channel:
        for requests in ([b"long", b"short", b"long"], [b"long"], [b"short", b"short"], [b"short", b"long"]):
            answers = await asyncio.gather(*(ended(channel, request) for request in requests))
            given_up = grpc.StatusCode.DEADLINE_EXCEEDED
            assert answers == [request if request == b"short" else given_up for request in requests]


async def test_a_call_that_its_caller_leaves_is_no_deadline():
    begun = asyncio.Event()

    async def never(request, context):
        begun.set()
        await asyncio.Event().wait()

    without_deadline = SimpleNamespace(time_remaining=lambda: None)
    call = asyncio.create_task(ImposedDeadlines(100, stream=100).unary(METHOD, never)(b"", without_deadline))
    await begun.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_stream_of_requests_ends_with_ok_when_its_time_is_over_and_all_that_was_read_is_answered():
    async def echo(requests, context):
        async for request in requests:
            yield request

    layer = ImposedDeadlines(100, stream=0.2)
    async with a_method(grpc.stream_stream_rpc_method_handler(echo), layer) as channel:
        stream = channel.stream_stream(METHOD)()
        await stream.write(b"a")
        assert await stream.read() == b"a"
        assert await stream.read() is grpc.aio.EOF
        assert await stream.code() is grpc.StatusCode.OK


async def test_a_stream_of_answers_ends_with_ok_between_two_of_them():
    let_go = asyncio.Event()

    async def count(request, context):
        try:
            while True:
                yield b"a"
        finally:
            let_go.set()

    layer = ImposedDeadlines(100, stream=0.05)
    async with a_method(grpc.unary_stream_rpc_method_handler(count), layer) as channel:
        stream = channel.unary_stream(METHOD)(b"")
        answers = [answer async for answer in stream]
        assert set(answers) == {b"a"}
        assert await stream.code() is grpc.StatusCode.OK
    assert let_go.is_set()


async def test_of_a_stream_that_is_read_slowly_little_waits_in_the_server():
    """However fast it was read before: gRPC would let megabytes of it come, as many as seemed to be on their way."""
    reads_on, read = asyncio.Semaphore(500), 0

    async def slowly(requests, _context):
        nonlocal read
        async for _ in requests:
            await reads_on.acquire()
            read += 1
        yield b""

    async with a_method(grpc.stream_stream_rpc_method_handler(slowly), ImposedDeadlines(100, stream=100)) as channel:
        call, sent = channel.stream_stream(METHOD)(), 0
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(1):  # then it is held back
                    await call.write(bytes(50_000))
                sent += 1
        call.cancel()
    assert 500 <= read <= sent <= 520
