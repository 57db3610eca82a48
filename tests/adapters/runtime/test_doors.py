"""Doors at a real server: what matters is heard of before what came earlier and does not."""

import asyncio

import grpc

from pager_grpc.pager.lanes import LANES
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.doors import HEALTH, overtaking
from pager_grpc.runtime.lanes import Lane
from pager_grpc.runtime.server import Server

SERVICE = "test.v1.Test"
READ, ANSWER = "Read", "Answer"
CROWD = 400


def adding(server, heard):
    """The two methods, added as generated code does it; who calls is noted in ``heard``."""

    def handler(method):
        async def call(_request, _context):
            heard.append(method)
            return b""

        return grpc.unary_unary_rpc_method_handler(call)

    handlers = {method: handler(method) for method in (READ, ANSWER)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_registered_method_handlers(SERVICE, handlers)


async def heard_by(doors):
    """In which order a server hears of many reads and of one answer that comes last."""
    heard = []
    server = Server("test", {}, doors=doors)
    adding(server.grpc, heard)
    target = f"127.0.0.1:{await server.start('127.0.0.1:0')}"
    try:
        async with open_channel(target) as crowd, open_channel(target) as person:
            await asyncio.gather(crowd.channel_ready(), person.channel_ready())
            reads = [crowd.unary_unary(f"/{SERVICE}/{READ}")(b"") for _ in range(CROWD)]
            await asyncio.gather(*reads, person.unary_unary(f"/{SERVICE}/{ANSWER}")(b""))
    finally:
        await server.grpc.stop(0)
    return heard


async def test_a_method_with_a_door_of_its_own_overtakes_a_crowd_at_the_other():
    heard = await heard_by(overtaking({f"/{SERVICE}/{READ}": Lane.READ, f"/{SERVICE}/{ANSWER}": Lane.VITAL}))
    assert len(heard) == CROWD + 1
    assert heard.index(ANSWER) < CROWD / 2


async def test_without_one_a_method_is_served_all_the_same():
    assert sorted(await heard_by(())) == [ANSWER, *[READ] * CROWD]


def test_answers_of_people_and_alerts_have_doors_and_so_has_the_question_whether_the_room_lives():
    ours = {method.rpartition("/")[2] for method in overtaking(LANES)}
    assert ours == {
        *("RaiseAlert", "RaiseAlerts", "Check"),
        *("Acknowledge", "MarkHealthy", "SnoozeIncident", "EscalateIncident", "ReassignIncident"),
    }
    assert HEALTH in overtaking({})
