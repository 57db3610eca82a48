"""How the pager leaves."""

import asyncio

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc
from pager_grpc.pager.bootstrap import running_pager
from pager_grpc.pager.config import PagerSettings
from pager_grpc.runtime.channels import open_channel


async def test_a_watcher_is_let_go_with_ok_when_the_pager_leaves(tmp_path, monkeypatch):
    for name, value in {
        "PAGERD_DATA": str(tmp_path),
        "PAGER_LISTEN": "127.0.0.1:0",
        "PAGER_CATCH_ALL_EMAIL": "ana@example.com",
        "PAGER_DATABASE_URL": "",
    }.items():
        monkeypatch.setenv(name, value)
    watching = asyncio.Event()

    async def watch(port: int) -> int:
        async with open_channel(f"127.0.0.1:{port}") as channel:
            count = 0
            async for _ in pb_grpc.PagerServiceStub(channel).WatchIncidents(pb.WatchIncidentsRequest()):
                count += 1
                watching.set()
            return count

    async with running_pager(PagerSettings()) as port:
        watcher = asyncio.create_task(watch(port))
        await watching.wait()
    assert await watcher == 1
