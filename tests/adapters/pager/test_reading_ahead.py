"""How far the pager reads a stream of alerts ahead of what it has stored: no commit is made here, so nothing is."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.pager.raise_rates import RaiseRates
from pager_grpc.pager.request_lanes import MAX_BATCH, RequestLane, RequestLanes
from pager_grpc.pager.servicer import PagerServicer
from pager_grpc.pager.wakeups import Wakeups
from pager_grpc.runtime.group_commit import GroupCommit


def a_servicer() -> PagerServicer:
    async def never(_batch):
        raise AssertionError("nobody runs the lane")

    lane = RequestLane(GroupCommit(never, MAX_BATCH))
    rates = RaiseRates(None, lambda: "", CollectorRegistry())
    return PagerServicer(RequestLanes(lane, lane), None, None, Wakeups(), None, None, rates)


def a_message(alerts=1, details=0) -> pb.RaiseAlertsRequest:
    alert = pb.RaiseAlertRequest(monitored_service_id="a", message="m", details="x" * details)
    return pb.RaiseAlertsRequest(alerts=[alert] * alerts)


@asynccontextmanager
async def a_stream(servicer, first, following):
    """A caller that sends without an end; gives what was read of it so far."""
    read = []

    async def messages():
        while True:
            read.append(following if read else first)
            yield read[-1]

    async def answers():
        async for _ in servicer.RaiseAlerts(messages(), None):
            pass

    hearing = asyncio.create_task(answers())
    for _ in range(3000):  # turns of the loop
        await asyncio.sleep(0)
    yield read
    hearing.cancel()
    await asyncio.wait([hearing])


@pytest.mark.parametrize(
    ("following", "number"),
    [
        (a_message(), 256),
        (a_message(64), 5),
        (a_message(1000), 2),
        (pb.RaiseAlertsRequest(), 256),
        (a_message(3, details=16_000), 3),
    ],
    ids=["one alert", "64 alerts", "1000 alerts", "none", "three of 16 KiB"],
)
async def test_a_stream_is_read_ahead_by_256_alerts_or_64_kib(following, number):
    async with a_stream(a_servicer(), a_message(), following) as read:
        assert len(read) == number


async def test_all_streams_together_are_read_ahead_by_a_full_commit():
    servicer, following = a_servicer(), a_message(8)
    async with a_stream(servicer, following, following) as first:
        assert len(first) * 8 == MAX_BATCH
        async with a_stream(servicer, following, following) as second:
            assert len(second) == 1
