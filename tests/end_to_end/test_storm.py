"""Fault row 44: everything breaks at once, and the people who are paged get a few messages that leave nothing out."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from itertools import cycle

import grpc
import pytest
from end_to_end.world import World, eventually

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc

ANA, BEN = "ana@example.com", "+4915112345678"
SERVICES = tuple(f"service-{number:03}" for number in range(200))
CRITICAL = "payments"
Settled = pb.IncidentEvent.NotificationSettled


async def all_break(world: World) -> dict[str, str]:
    """Two alerts for every service, all at the same time, over four connections; the incidents, by service."""
    async with AsyncExitStack() as stack:
        alone = [("grpc.use_local_subchannel_pool", 1)]
        address = world.rooms["pager"].address
        channels = [grpc.aio.insecure_channel(address, options=alone) for _ in range(4)]
        stubs = cycle([pb_grpc.PagerServiceStub(await stack.enter_async_context(channel)) for channel in channels])
        requests = [
            pb.RaiseAlertRequest(
                monitored_service_id=service, message=f"alert {n}", severity=pb.Incident.SEVERITY_ERROR
            )
            for service in SERVICES
            for n in (1, 2)
        ]
        answers = await asyncio.gather(*(next(stubs).RaiseAlert(request, timeout=30) for request in requests))
    assert Counter(answer.opened for answer in answers) == {True: len(SERVICES), False: len(SERVICES)}
    return {answer.incident.monitored_service_id: answer.incident.incident_id for answer in answers}


async def ends(world: World, incidents: list[str]) -> list[Settled]:
    """How every page ended so far."""
    async with grpc.aio.insecure_channel(world.rooms["pager"].address) as channel:
        stub = pb_grpc.PagerServiceStub(channel)
        requests = [pb.ListIncidentEventsRequest(incident_id=incident, page_size=100) for incident in incidents]
        answers = [await stub.ListIncidentEvents(request, timeout=30) for request in requests]
    lines = [event for answer in answers for event in answer.incident_events]
    return [line.notification_settled for line in lines if line.HasField("notification_settled")]


def all_ends(world: World, incidents: dict[str, str], number: int) -> list[Settled]:
    """How every page ended, once all have."""
    found = asyncio.run(ends(world, [*incidents.values()]))
    return found if len(found) == number else []


@pytest.mark.timeout(180)
def test_in_a_storm_everything_is_told_in_a_few_messages_also_when_the_notifier_dies_in_it(world: World) -> None:
    world.create_policy([ANA, BEN], seconds=600, services=(*SERVICES, CRITICAL))
    incidents = asyncio.run(all_break(world))
    eventually(lambda: world.mail.received()[ANA], "the first letter")
    world.rooms["notifier"].kill()
    world.rooms["notifier"].start()
    incidents[CRITICAL] = world.raise_alert(CRITICAL).incident.incident_id
    eventually(lambda: any(CRITICAL in str(m["Subject"]) for m in world.mail.letters), "the severe one", 30)
    everything = 2 * len(incidents)
    settled = eventually(lambda: all_ends(world, incidents, everything), "every page has its end", 90)
    # Conservation: 402 pages decided, each handed off alone or named in a message that was.
    outcomes = Counter(end.outcome for end in settled)
    assert outcomes[Settled.OUTCOME_HANDED_OFF] + outcomes[Settled.OUTCOME_MERGED] == everything, outcomes
    assert outcomes[Settled.OUTCOME_MERGED] > outcomes[Settled.OUTCOME_HANDED_OFF]
    letters = [f"{letter['Subject']}\n{letter.get_content()}" for letter in world.mail.letters]
    assert [service for service in incidents if not any(service in letter for letter in letters)] == []
    assert len(letters) <= 20
    assert len(world.sms.texts) <= 20
