"""Calls say which trace of the program they belong to."""

import asyncio
import os
import subprocess
import sys

import pytest

from pager_grpc.client import in_trace
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BLOCKING = """
import sys
from pager_grpc.client import BlockingPagerClient, in_trace

with BlockingPagerClient(sys.argv[1]) as pager, in_trace(sys.argv[2]):
    pager.mark_healthy("checkout")
"""


@pytest.fixture
def told(pager):
    """The traceparents of the calls so far."""
    pager.script.answers("MarkHealthy", pb.MarkHealthyResponse())
    return lambda: [metadata.get("traceparent") for metadata in pager.script.metadata]


async def run(*command, **environment):
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=subprocess.DEVNULL, env=os.environ | environment
    )
    return await process.wait()


async def test_a_call_within_a_trace_says_so_and_one_outside_says_nothing(client, told):
    with in_trace(TRACEPARENT):
        await client.mark_healthy("checkout")
    await client.mark_healthy("checkout")
    assert told() == [TRACEPARENT, None]


async def test_what_is_no_traceparent_is_said_to_nobody(client, told):
    with in_trace("nonsense"):
        await client.mark_healthy("checkout")
    assert told() == [None]


async def test_a_program_without_an_event_loop_says_it_too(address, told):
    assert await run("-c", BLOCKING, address, TRACEPARENT) == 0
    assert told() == [TRACEPARENT]


async def test_pagerctl_says_what_its_environment_says(address, told):
    healthy = ("-m", "pager_cli.pagerctl", "healthy", "checkout", "--target", address)
    assert await run(*healthy, TRACEPARENT=TRACEPARENT) == 0
    assert told() == [TRACEPARENT]
