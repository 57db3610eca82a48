"""A client of a room that runs several times."""

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from pager_grpc.runtime.channels import open_channel


class Counting(health_pb2_grpc.HealthServicer):
    """Counts the calls that it gets."""

    calls = 0

    async def Check(self, request, context):  # noqa: N802 - gRPC's name
        self.calls += 1
        return health_pb2.HealthCheckResponse()


@pytest.fixture
async def replicas():
    servers, servicers, ports = [], [Counting(), Counting()], []
    for servicer in servicers:
        server = grpc.aio.server()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        ports.append(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        servers.append(server)
    yield servers, servicers, "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
    for server in servers:
        await server.stop(None)


async def check(stub) -> None:
    await stub.Check(health_pb2.HealthCheckRequest(), timeout=30, wait_for_ready=True)


async def test_the_replicas_of_a_list_take_turns_so_that_a_repeat_does_not_meet_the_same_frozen_one(replicas):
    _, servicers, target = replicas
    async with open_channel(target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for _ in range(100):  # until both are connected, one gets all
            await check(stub)
    assert all(servicer.calls for servicer in servicers)


async def test_a_replica_that_is_gone_costs_nothing(replicas):
    servers, servicers, target = replicas
    await servers[0].stop(None)
    async with open_channel(target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for _ in range(20):
            await check(stub)
    assert [servicer.calls for servicer in servicers] == [0, 20]


async def refusal(channel) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=30)
    return str(refused.value.details())


async def test_a_channel_does_not_wait_because_another_one_found_nobody_there(replicas):
    servers, servicers, target = replicas
    address = target.removeprefix("ipv4:").partition(",")[0]
    async with open_channel(address) as old, open_channel(address) as new:
        await check(health_pb2_grpc.HealthStub(old))
        await servers[0].stop(None)
        while "Connection refused" not in await refusal(old):
            pass
        again = grpc.aio.server()
        health_pb2_grpc.add_HealthServicer_to_server(servicers[0], again)
        again.add_insecure_port(address)
        await again.start()
        await health_pb2_grpc.HealthStub(new).Check(health_pb2.HealthCheckRequest(), timeout=30)
        await again.stop(None)
    assert servicers[0].calls == 2
