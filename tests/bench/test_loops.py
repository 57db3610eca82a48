"""The load generator against a real server: every call is made, and no faster than the server allows."""

import asyncio
from contextlib import asynccontextmanager

import grpc
import pytest

from bench.load.bodies import FreshServices, new_alerts
from bench.load.loops import closed_loop, open_loop
from bench.load.raw_grpc import CallFailed

METHOD = "/test.v1.TestService/Call"


class Counting:
    """Answers after a moment with what it was sent; ``most`` calls were there at once."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.now = self.most = 0

    async def call(self, request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.heard.append(request)
        self.now -= 1
        if request == b"refuse me":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "as asked")
        return request


@asynccontextmanager
async def serving(streams: int):
    """A server that takes so many calls of a connection at once."""
    counting = Counting()
    server = grpc.aio.server(options=[("grpc.max_concurrent_streams", streams)])
    handlers = {"Call": grpc.unary_unary_rpc_method_handler(counting.call)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.v1.TestService", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield counting, f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@pytest.mark.parametrize("streams", [3, 1000])
async def test_every_call_is_made_once_also_when_the_server_allows_fewer_at_once(streams):
    bodies = new_alerts(400, FreshServices())
    async with serving(streams) as (counting, target):
        load = await closed_loop([target], METHOD, bodies, 100)
    assert sorted(counting.heard) == sorted(bodies)
    assert len(load.latencies) == len(bodies) - 1  # the first one warms
    assert counting.most <= min(streams, 100)


async def test_calls_at_a_pace_wait_where_the_server_has_no_room_and_are_late_then():
    bodies = new_alerts(300, FreshServices())
    async with serving(2) as (counting, target):
        calls = await open_loop(target, METHOD, bodies, 100_000)
    assert sorted(counting.heard) == sorted(bodies)
    assert counting.most <= 2
    assert calls[-1].latency > calls[0].latency


async def test_a_call_that_does_not_end_ok_is_told():
    async with serving(1000) as (_, target):
        with pytest.raises(CallFailed, match="not OK"):
            await closed_loop([target], METHOD, [b"warm", *[b"fine"] * 20, b"refuse me"], 4)
