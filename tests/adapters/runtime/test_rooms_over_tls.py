"""The three rooms over mutual TLS: a page on its whole way, also when every certificate changes under it."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import grpc
import pytest
from adapters.pager.running import Caller
from adapters.runtime.secured import an_authority, files_of, renew
from sealed import ADDRESS_KEY

from pager_grpc.gen.status.v1 import status_service_pb2 as status_pb
from pager_grpc.gen.status.v1.status_service_pb2_grpc import StatusServiceStub
from pager_grpc.notifier.bootstrap import running_notifier
from pager_grpc.notifier.config import NotifierSettings
from pager_grpc.pager.bootstrap import running_pager
from pager_grpc.pager.config import PagerSettings
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime import certificate_watch
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.metrics import Metrics
from pager_grpc.runtime.tls import Tls


class Rooms:
    """Pager, policy and notifier, and an admin who calls the pager; each has its own certificate in ``folder``."""

    def __init__(self, folder, data):
        self.folder, self._data = folder, data
        self._common = {
            "_env_file": None,
            "PAGERD_DATA": data,
            "PAGERD_TLS_CERT": folder / "{room}.pem",
            "PAGERD_TLS_KEY": folder / "{room}.key",
            "PAGERD_TLS_CA": folder / "ca.pem",
        }
        self.admin_tls = Tls(files_of(folder, "admin"))
        self.metrics = Metrics()
        self._notifier = AsyncExitStack()

    @asynccontextmanager
    async def running(self):
        async with AsyncExitStack() as stack:
            policy = await stack.enter_async_context(
                running_policy(PolicySettings(POLICY_LISTEN="127.0.0.1:0", **self._common))
            )
            self.notifier = await self.start_notifier()
            stack.push_async_callback(self.stop_notifier)
            settings = PagerSettings(
                PAGER_LISTEN="127.0.0.1:0",
                PAGER_POLICY_TARGET=f"127.0.0.1:{policy}",
                PAGER_NOTIFIER_TARGET=f"127.0.0.1:{self.notifier}",
                PAGER_CATCH_ALL_EMAIL="lead@example.com",
                PAGER_ADDRESS_KEYS=ADDRESS_KEY,
                PAGER_BURST=0,
                PAGER_POLICY_DEADLINE=10,
                **self._common,
            )
            pager = await stack.enter_async_context(running_pager(settings, metrics=self.metrics))
            channel = open_channel(f"127.0.0.1:{pager}", tls=self.admin_tls, room="pager")
            self.admin = Caller(await stack.enter_async_context(channel), None, None)
            yield self

    async def start_notifier(self, port=0):
        settings = NotifierSettings(NOTIFIER_LISTEN=f"127.0.0.1:{port}", **self._common)
        return await self._notifier.enter_async_context(running_notifier(settings))

    async def stop_notifier(self):
        await self._notifier.aclose()

    async def paged(self, service):
        """Raises an alert and returns what lies in the mailbox for it, once that is recorded as handed off."""
        raised = await self.admin.alert(service)
        await self.admin.until_line(raised.incident.incident_id, "notification_settled")
        mails = [path.read_text() for path in (self._data / "mailbox").iterdir()]
        return [mail for mail in mails if service in mail]

    async def until_pager_knows(self, before):
        """Returns when the pager uses another certificate than that which ended at ``before``."""
        async with asyncio.timeout(15):
            while self.expiry() == before:
                await asyncio.sleep(0)

    def expiry(self):
        return self.metrics.registry.get_sample_value("certificate_expiry_timestamp_seconds", {"what": "certificate"})


@pytest.fixture
async def rooms(tmp_path, monkeypatch):
    monkeypatch.setattr(certificate_watch, "LOOK_AGAIN_SECONDS", 0.02)
    async with Rooms(an_authority(tmp_path / "certificates"), tmp_path / "data").running() as running:
        yield running


async def test_a_page_finds_its_way_over_mutual_tls_before_and_after_every_certificate_is_renewed(rooms):
    assert await rooms.paged("checkout")
    before = rooms.expiry()
    renew(rooms.folder, lifetime=timedelta(days=200))
    await rooms.until_pager_knows(before)
    rooms.admin_tls.reload()
    assert await rooms.paged("search")


async def test_a_page_waits_for_a_notifier_that_comes_back_with_new_certificates(rooms):
    assert await rooms.paged("checkout")
    await rooms.stop_notifier()
    raised = await rooms.admin.alert("search")
    await rooms.admin.until_line(raised.incident.incident_id, "level_notified")
    renew(rooms.folder)
    await rooms.start_notifier(rooms.notifier)
    assert await rooms.admin.until_line(raised.incident.incident_id, "notification_settled")


async def test_nobody_without_a_certificate_raises_an_alert(rooms, tmp_path):
    stranger = Tls(files_of(an_authority(tmp_path / "theirs"), "admin"))
    port = rooms.admin.channel._target.rpartition(":")[2]
    async with open_channel(f"127.0.0.1:{port}", tls=stranger, room="pager") as channel:
        with pytest.raises(grpc.aio.AioRpcError):
            await Caller(channel, None, None).alert("checkout")


async def test_the_status_tells_of_the_certificates_and_reaches_the_neighbors_with_them(rooms):
    stub = StatusServiceStub(rooms.admin.channel)
    status = (await stub.GetStatus(status_pb.GetStatusRequest(), timeout=15)).status
    assert (status.security.encrypted, status.security.authenticated) == (True, True)
    assert status.security.certificate_expire_time.seconds <= int(rooms.expiry())
    assert {neighbor.room: neighbor.reached for neighbor in status.neighbors} == {"policy": True, "notifier": True}
