"""The flood: what is refused is an answer, and nothing that was taken is forgotten."""

import asyncio
from contextlib import asynccontextmanager

import grpc

from bench.load.flood import Flood

METHOD = "/test.Test/Take"


class Half:
    """Takes even numbers and refuses odd ones."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.most = asyncio.Event()

    async def take(self, request, context):
        self.asked.append(int(request))
        if len(self.asked) >= 40:
            self.most.set()
        if int(request) % 2:
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "no")
        return b""


@asynccontextmanager
async def a_server(half):
    server = grpc.aio.server()
    handlers = {"Take": grpc.unary_unary_rpc_method_handler(half.take)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Test", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(0)


def number_of(number: int) -> bytes:
    return str(number).encode()


async def test_a_closed_loop_goes_on_after_a_refusal_and_every_call_is_told_of_once():
    half = Half()
    async with a_server(half) as target, asyncio.timeout(60):
        found = await Flood(target, METHOD, number_of, connections=2, in_flight=4).closed_loop(half.most)
    assert sorted(found.taken + found.refused) == sorted(half.asked) == list(range(len(half.asked)))
    assert {number % 2 for number in found.taken} == {0}
    assert {number % 2 for number in found.refused} == {1}
    assert 0 < found.in_time <= len(found.taken) == len(found.latencies)
    assert found.rate > 0


async def test_an_open_loop_sends_no_more_than_its_rate_and_what_there_is_room_for():
    half = Half()
    async with a_server(half) as target, asyncio.timeout(60):
        found = await Flood(target, METHOD, number_of, connections=1, in_flight=4).open_loop(200.0, half.most)
    assert len(half.asked) == len(found.taken) + len(found.refused) <= 200 * found.seconds
