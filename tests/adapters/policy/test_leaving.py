"""How the policy room ends, and what it says while its store is away."""

import asyncio
import json
import os
import signal
import sys
from contextlib import AsyncExitStack
from importlib.metadata import version

import grpc
import pytest
from fakes.policy_builders import a_policy
from fakes.policy_store import FakePolicyStore
from sqlalchemy import text

from pager_domain.policy.application import PolicyApplicationService
from pager_domain.policy.checking import ReachabilityCheck
from pager_domain.policy.model import EscalationPolicy
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as pb_grpc
from pager_grpc.policy import wire
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.policy.escalation_policies_sql import SqlPolicyStore
from pager_grpc.policy.servicer import SERVICE_NAME, PolicyServicer
from pager_grpc.policy.wire_errors import ERRORS
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.errors import fault_of
from pager_grpc.runtime.migrations import migrate
from pager_grpc.runtime.server import Server


async def test_a_store_out_of_reach_is_said_to_be_unavailable():
    store = FakePolicyStore()
    store.unreachable = True
    server = Server(SERVICE_NAME, ERRORS)
    servicer = PolicyServicer(PolicyApplicationService(store), ReachabilityCheck(store))
    pb_grpc.add_PolicyServiceServicer_to_server(servicer, server.grpc)
    port = await server.start("127.0.0.1:0")
    async with open_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await pb_grpc.PolicyServiceStub(channel).ResolveEscalation(
                pb.ResolveEscalationRequest(monitored_service_id="checkout")
            )
    await server.stop()
    fault = fault_of(refused.value)
    assert (fault.code, fault.reason) == (grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_STORE_UNAVAILABLE")


def changed(policy: EscalationPolicy) -> pb.UpdateEscalationPolicyRequest:
    wanted = wire.policy_to(policy)
    wanted.display_name = "Shop"
    return pb.UpdateEscalationPolicyRequest(escalation_policy=wanted, etag=policy.etag)


async def until_somebody_waits(connection):
    while not (await connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))).scalar_one():
        await asyncio.to_thread(os.sched_yield)


async def test_a_call_that_runs_when_the_room_is_left_is_finished(postgres_url):
    database = open_database(postgres_url)
    await migrate(database, "policy")
    shop = await PolicyApplicationService(SqlPolicyStore(database)).create(a_policy("shop"))
    room = AsyncExitStack()
    port = await room.enter_async_context(
        running_policy(PolicySettings(POLICY_LISTEN="127.0.0.1:0"), database=database)
    )
    async with open_channel(f"127.0.0.1:{port}") as channel:
        async with database.begin() as connection:
            await connection.execute(text("SELECT 1 FROM escalation_policies FOR UPDATE"))
            call = pb_grpc.PolicyServiceStub(channel).UpdateEscalationPolicy(changed(shop))
            await until_somebody_waits(connection)
            leaving = asyncio.ensure_future(room.aclose())
        assert (await call).escalation_policy.revision == 2
    await leaving
    await database.close()


async def test_the_process_serves_until_it_is_asked_to_end(tmp_path):
    environment = {**os.environ, "PAGERD_DATA": str(tmp_path), "POLICY_LISTEN": "127.0.0.1:0"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pager_grpc.policy", env=environment, stderr=asyncio.subprocess.PIPE
    )
    zones = json.loads(await process.stderr.readline())
    assert (zones["event"], zones["tzdata"]) == ("time_zones", version("tzdata"))
    serving = json.loads(await process.stderr.readline())
    assert (serving["event"], serving["room"]) == ("serving", "policy")
    async with open_channel(f"127.0.0.1:{serving['port']}") as channel:
        page = await pb_grpc.PolicyServiceStub(channel).ListEscalationPolicies(pb.ListEscalationPoliciesRequest())
        assert not page.escalation_policies
    process.send_signal(signal.SIGTERM)
    _, log = await process.communicate()
    assert process.returncode == 0
    assert json.loads(log.splitlines()[-1])["event"] == "stopped"


async def test_a_configuration_that_cannot_be_used_is_told_on_leaving():
    environment = {**os.environ, "POLICY_LISTEN": "nowhere", "POLICY_DATABASE_URL": "mysql://x"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "pager_grpc.policy", env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"POLICY_LISTEN: must be host:port" in said
    assert b"POLICY_DATABASE_URL: must begin with" in said
