"""A server that leaves: what runs is answered, what comes is sent elsewhere, and nobody is cut off."""

import asyncio

import grpc
import pytest

from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as pb_grpc
from pager_grpc.policy.wire_errors import ERRORS
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.server import Server

ANSWER = pb.ResolveEscalationResponse(resolved_escalation=pb.ResolvedEscalation(policy_id="shop"))
REQUEST = pb.ResolveEscalationRequest(monitored_service_id="checkout")


class Slow(pb_grpc.PolicyServiceServicer):
    """Answers once the gate is open."""

    def __init__(self) -> None:
        self.gate, self.asked = asyncio.Event(), asyncio.Event()

    async def ResolveEscalation(self, request, context):  # noqa: N802 - the contract names the methods
        self.asked.set()
        await self.gate.wait()
        return ANSWER


async def refusal(stub):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.ResolveEscalation(REQUEST)
    return refused.value.code()


async def test_what_runs_is_answered_and_what_comes_meanwhile_or_right_after_is_sent_elsewhere():
    server, slow = Server("policy.v1.PolicyService", ERRORS), Slow()
    pb_grpc.add_PolicyServiceServicer_to_server(slow, server.grpc)
    port = await server.start("127.0.0.1:0")
    async with open_channel(f"127.0.0.1:{port}") as channel:
        stub = pb_grpc.PolicyServiceStub(channel)
        running = asyncio.ensure_future(stub.ResolveEscalation(REQUEST))
        await slow.asked.wait()
        leaving = asyncio.ensure_future(server.stop())
        await asyncio.sleep(0)
        assert await refusal(stub) is grpc.StatusCode.UNAVAILABLE
        slow.gate.set()
        assert await running == ANSWER
        assert await refusal(stub) is grpc.StatusCode.UNAVAILABLE
        assert not leaving.done()
        await leaving


async def test_a_server_that_rests_leaves_though_nobody_calls():
    server = Server("policy.v1.PolicyService", ERRORS)
    await server.start("127.0.0.1:0")
    await server.stop()
