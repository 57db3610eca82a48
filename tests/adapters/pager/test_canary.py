"""The dead man's switch: the heartbeat goes out only while paging works."""

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from adapters.pager.running import a_running_pager
from builders import HandClock, an_application
from fakes.escalation_policies import FakeEscalationPolicies
from fakes.incident_views import FakeIncidentViews
from fakes.monitored_services import FakeMonitoredServices
from fakes.notification_outbox import FakeNotificationOutbox
from fakes.senders import FakeSenders
from prometheus_client import CollectorRegistry

from pager_domain.kernel import CANARY_ADDRESS
from pager_domain.pager.canary import CANARY, CANARY_ALERT, CanaryPolicies
from pager_domain.pager.events import Alert
from pager_domain.pager.model import Request, ServiceState
from pager_domain.pager.ports.email_sender import Refused
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.pager.canary_loop import PAUSE_SECONDS, CanaryLoop
from pager_grpc.pager.metrics import CanaryMetrics
from pager_grpc.pager.wakeups import Wakeups


class Watcher:
    """Counts the heartbeats that arrive and answers ``status``."""

    def __init__(self):
        self.heartbeats, self.status, self.called = 0, "200 OK", asyncio.Event()

    async def take(self, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        self.heartbeats += 1
        self.called.set()
        writer.write(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()

    @asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self.take, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/beat"
        yield self
        server.close()
        await server.wait_closed()


class Rig:
    """A canary loop over a pager on fakes that pages as soon as it is told something."""

    def __init__(self, watcher):
        self.clock = HandClock(datetime.now(UTC))
        self.store = FakeMonitoredServices(self.clock)
        self.senders, self.promises_are_kept = FakeSenders(), True
        policies = CanaryPolicies(FakeEscalationPolicies())
        self.application = an_application(self.store, FakeNotificationOutbox(self.store), policies, self.senders)
        views = FakeIncidentViews(self.store)
        self.counted = CollectorRegistry()
        self.loop = CanaryLoop(
            self.submit, views, Wakeups(), watcher.url, lambda: self.promises_are_kept, CanaryMetrics(self.counted)
        )

    @property
    def last_success(self):
        return self.counted.get_sample_value("pager_canary_last_success_timestamp_seconds")

    async def submit(self, request):
        [answer] = await self.application.handle([request])
        if isinstance(request.event, Alert):
            await self.application.escalate_due(10)
            claims = await self.application.claim_due(10)
            await self.application.record([await self.application.attempt(claim) for claim in claims])
        return answer


@pytest.fixture
async def watcher():
    async with Watcher().running() as running:
        yield running


@pytest.fixture
def rig(watcher):
    return Rig(watcher)


async def test_a_running_pager_pages_its_canary_and_calls_the_url(watcher, tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'pager.db'}"
    async with a_running_pager(url, tmp_path, PAGER_HEARTBEAT_URL=watcher.url) as caller:
        async with asyncio.timeout(30):
            await watcher.called.wait()
        assert caller.notifier.sent == {CANARY_ADDRESS: 1}
        [service] = await caller.services()
        assert (service.monitored_service_id, service.state) == (CANARY, pb.MonitoredService.STATE_HEALTHY)


async def test_each_step_is_a_new_incident_that_is_ended(rig, watcher):
    for _ in range(2):
        assert await rig.loop.step() == PAUSE_SECONDS
    assert watcher.heartbeats == 2
    assert rig.last_success > rig.clock.now().timestamp() - 60
    assert len(rig.store.state.incidents) == 2
    assert rig.store.state.services[CANARY].state is ServiceState.HEALTHY


async def test_a_canary_that_does_not_come_through_withholds_the_heartbeat(rig, watcher):
    rig.senders.answers = [Refused("no")]
    await rig.loop.step()
    assert (watcher.heartbeats, rig.last_success) == (0, 0)
    assert rig.store.state.services[CANARY].state is ServiceState.HEALTHY


async def test_a_broken_promise_withholds_the_heartbeat(rig, watcher):
    rig.promises_are_kept = False
    await rig.loop.step()
    assert watcher.heartbeats == 0


async def test_a_canary_that_a_dead_process_left_open_proves_nothing(rig, watcher):
    rig.clock.advance(-3600)
    await rig.submit(Request(CANARY, CANARY_ALERT))
    assert rig.senders.sent == {CANARY_ADDRESS: 1}
    rig.clock.advance(3600)
    rig.senders.answers = [Refused("no")]
    await rig.loop.step()
    assert watcher.heartbeats == 0


async def test_a_watcher_that_refuses_the_heartbeat_harms_nobody(rig, watcher):
    watcher.status = "500 Oops"
    assert await rig.loop.step() == PAUSE_SECONDS
    assert watcher.heartbeats == 1
