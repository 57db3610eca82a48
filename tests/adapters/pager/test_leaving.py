"""How the pager leaves."""

import asyncio

import grpc
import pytest

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc
from pager_grpc.pager.bootstrap import running_pager
from pager_grpc.pager.config import PagerSettings
from pager_grpc.runtime.channels import open_channel

ALERT = {"monitored_service_id": "checkout", "message": "it burns"}


@pytest.fixture
def settings(tmp_path):
    return PagerSettings(
        _env_file=None,
        PAGERD_DATA=tmp_path,
        PAGER_LISTEN="127.0.0.1:0",
        PAGER_CATCH_ALL_EMAIL="ana@example.com",
    )


async def test_a_watcher_is_let_go_with_ok_when_the_pager_leaves(settings):
    watching = asyncio.Event()

    async def watch(port: int) -> int:
        async with open_channel(f"127.0.0.1:{port}") as channel:
            count = 0
            async for _ in pb_grpc.PagerServiceStub(channel).WatchIncidents(pb.WatchIncidentsRequest()):
                count += 1
                watching.set()
            return count

    async with running_pager(settings) as port:
        watcher = asyncio.create_task(watch(port))
        await watching.wait()
    assert await watcher == 1


async def test_a_stream_of_alerts_is_sent_elsewhere_when_the_pager_leaves(settings):
    answered = asyncio.Event()

    async def raise_alerts(port: int) -> list[int]:
        async with open_channel(f"127.0.0.1:{port}") as channel:
            stream = pb_grpc.PagerServiceStub(channel).RaiseAlerts()
            await stream.write(pb.RaiseAlertsRequest(alerts=[pb.RaiseAlertRequest(**ALERT)]))
            counts = [result.alert_count for result in (await stream.read()).results]
            answered.set()
            with pytest.raises(grpc.aio.AioRpcError) as refusal:
                await stream.read()
        assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE
        return counts

    async with running_pager(settings) as port:
        caller = asyncio.create_task(raise_alerts(port))
        await answered.wait()
    assert await caller == [1]
