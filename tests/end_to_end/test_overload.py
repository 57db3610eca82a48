"""Ten times as much comes as can be done: what was promised is kept, and what is refused leaves nothing.

Three real processes on SQLite, where calls, commits and timers share a thread; the flood is a process of its own.
"""

import asyncio
import json
import os
import sqlite3
import sys
from contextlib import asynccontextmanager
from itertools import chain
from typing import TypeAlias

import grpc
import pytest
from end_to_end.world import ROOT

from bench.processes import resident_mib
from bench.servers.databases import Engine, fresh_store
from bench.servers.policies import create_policies, policy
from bench.servers.rooms import running_world
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc
from pager_grpc.runtime.channels import open_channel

ROOMS = ("pager", "policy", "notifier")
PLACES, STREAMS, TIMES = 16, 32, 10
PEAK_SECONDS = 1.5
MOST_MIB = 500
MOST_ROUNDS = 3
PLANTED = ("level-1@example.com", "level-2@example.com")


@pytest.mark.timeout(300)  # a machine with neighbours
async def test_at_ten_times_the_load_alerts_are_still_taken_answers_are_heard_and_timers_fire():
    async with fresh_store(Engine.SQLITE, ROOMS) as store:
        settings = {"PAGER_RAISE_PLACES": str(PLACES), "PAGERD_STREAMS": str(STREAMS)}
        async with running_world(store, settings) as world, asyncio.timeout(250):
            await create_policies(world.policy, [policy("default", ["flood@example.com"]), planted_policy()])
            async with open_channel(world.pager.target) as channel:
                stub = pb_grpc.PagerServiceStub(channel)
                known = [f"known-{number}" for number in range(20)]
                for service in known:
                    await stub.RaiseAlert(alert(service))
                before = await peak(world.pager.target, "before")
                async with flooding(world.pager.target, TIMES * PLACES // STREAMS, "flood") as flood:
                    # Not one is refused, and none is tried again: a refusal would be raised here.
                    answered = asyncio.gather(*(acknowledged(stub, service) for service in known))
                    await raised(stub, "planted")
                    await until_paged(world.mail)
                    assert [response.acknowledged for response in await answered] == [True] * len(known)
                    memory = {name: resident_mib(room.pid) for name, room in world.rooms.items()}
                rounds = [(before, flood, await peak(world.pager.target, "after"))]
                while not any(map(stands, rounds)) and len(rounds) < MOST_ROUNDS:
                    rounds.append(await another_round(world.pager.target, f"round-{len(rounds)}"))
        stored, pages = stored_services(store), planted_pages(world.mail)
    assert flood.refused
    for load in chain.from_iterable(rounds):
        assert set(load.taken) <= stored
        assert not set(load.refused) & stored
    assert pages == dict.fromkeys(PLANTED, 1)
    assert max(memory.values()) < MOST_MIB, memory
    assert any(map(stands, rounds)), [[load.rate for load in each] for each in rounds]


def stands(loads: "Round") -> bool:
    """A collapse is a small part of the peak; what it is on a quiet machine `python -m bench overload` says."""
    before, flood, after = loads
    return flood.rate >= 0.5 * min(before.rate, after.rate)


def planted_policy():
    planted = policy("planted", [PLANTED[0]], ["planted"])
    planted.levels[0].acknowledgement_timeout.FromSeconds(1)
    planted.levels.add().CopyFrom(policy("next", [PLANTED[1]]).levels[0])
    return planted


def alert(service: str) -> pb.RaiseAlertRequest:
    return pb.RaiseAlertRequest(monitored_service_id=service, message="it burns", request_id=service)


async def acknowledged(stub, service: str) -> pb.AcknowledgeResponse:
    return await stub.Acknowledge(pb.AcknowledgeRequest(monitored_service_id=service, acknowledged_by="ana"))


async def raised(stub, service: str) -> None:
    """As a client of the contract does it: again under the same id, for as long as it is refused."""
    while True:
        try:
            await stub.RaiseAlert(alert(service))
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise
        else:
            return


class Flooding:
    """A running flood, and once it is over what it saw."""

    rate: float
    taken: list[str]
    refused: list[str]


@asynccontextmanager
async def flooding(target: str, connections: int, prefix: str):
    """Floods while it is entered."""
    seen = Flooding()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "end_to_end.flood", target, str(connections), prefix),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**26,
        env=os.environ | {"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"},
    )
    try:
        assert await process.stdout.readline() == b"flooding\n"
        yield seen
        process.stdin.close()
        seen.__dict__.update(json.loads(await process.stdout.readline()))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def peak(target: str, prefix: str) -> Flooding:
    """As many calls at once as there are places."""
    async with flooding(target, 1, prefix) as seen:
        await asyncio.sleep(PEAK_SECONDS)  # the time of the measurement
    return seen


Round: TypeAlias = tuple[Flooding, Flooding, Flooding]
"""The peak, the flood, the peak."""


async def another_round(target: str, prefix: str) -> Round:
    """Whoever else uses the machine comes and goes between flood and peak; a collapse comes every time."""
    before = await peak(target, f"{prefix}-before")
    async with flooding(target, TIMES * PLACES // STREAMS, f"{prefix}-flood") as flood:
        await asyncio.sleep(PEAK_SECONDS)  # the same
    return before, flood, await peak(target, f"{prefix}-after")


async def until_paged(mail) -> None:
    while set(planted_pages(mail)) != set(PLANTED):
        await asyncio.sleep(0.1)  # the mail server is another process


def planted_pages(mail) -> dict[str, int]:
    told = [letter.recipient for letter in mail.letters()]
    return {address: told.count(address) for address in PLANTED if address in told}


def stored_services(store) -> set[str]:
    connection = sqlite3.connect(store.folder / "pager.db")
    try:
        return {name for (name,) in connection.execute("SELECT monitored_service_id FROM monitored_services")}
    finally:
        connection.close()
