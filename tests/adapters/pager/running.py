"""The pager room as a whole between a scripted policy service and a scripted notifier."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
import pytest
from adapters.pager.scripted_servers import ScriptedNotifier, ScriptedPolicy, serving_notifier, serving_policy
from sealed import ADDRESS_KEY

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc
from pager_grpc.pager.bootstrap import running_pager
from pager_grpc.pager.config import PagerSettings
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.errors import RpcFault, fault_of
from pager_grpc.runtime.migrations import migrate

PATIENCE = 15


class Caller:
    """A channel to a running pager, and its two neighbours."""

    def __init__(self, channel, policy: ScriptedPolicy, notifier: ScriptedNotifier) -> None:
        self.channel, self.policy, self.notifier = channel, policy, notifier
        self.stub = pb_grpc.PagerServiceStub(channel)

    async def alert(self, service="checkout", message="payments fail", **more) -> pb.RaiseAlertResponse:
        request = pb.RaiseAlertRequest(monitored_service_id=service, message=message, **more)
        return await self.stub.RaiseAlert(request, timeout=PATIENCE)

    async def acknowledge(self, service="checkout", by="ana", **more) -> pb.AcknowledgeResponse:
        request = pb.AcknowledgeRequest(monitored_service_id=service, acknowledged_by=by, **more)
        return await self.stub.Acknowledge(request, timeout=PATIENCE)

    async def healthy(self, service="checkout", **more) -> pb.MarkHealthyResponse:
        return await self.stub.MarkHealthy(
            pb.MarkHealthyRequest(monitored_service_id=service, **more), timeout=PATIENCE
        )

    async def incident(self, incident_id) -> pb.Incident:
        return (await self.stub.GetIncident(pb.GetIncidentRequest(incident_id=incident_id))).incident

    async def timeline(self, incident_id) -> list[pb.IncidentEvent]:
        request, events = pb.ListIncidentEventsRequest(incident_id=incident_id, page_size=1000), []
        while True:
            page = await self.stub.ListIncidentEvents(request)
            events += page.incident_events
            if not page.next_page_token:
                return events
            request.page_token = page.next_page_token

    async def services(self) -> list[pb.MonitoredService]:
        return list((await self.stub.ListMonitoredServices(pb.ListMonitoredServicesRequest())).monitored_services)

    async def until(self, incident_id, happened) -> list[pb.IncidentEvent]:
        """The timeline as soon as ``happened`` holds of it; watches, so that nothing is waited for by the clock."""
        async with asyncio.timeout(PATIENCE):
            watch = self.stub.WatchIncidents(pb.WatchIncidentsRequest())
            async for _ in watch:
                if happened(timeline := await self.timeline(incident_id)):
                    watch.cancel()
                    return timeline
        raise AssertionError("the watch has ended")

    async def until_line(self, incident_id, kind, times=1) -> list[pb.IncidentEvent]:
        """The timeline once it holds a line of this kind, or ``times`` such lines."""
        return await self.until(incident_id, lambda timeline: kinds(timeline).count(kind) >= times)

    async def refused(self, call) -> RpcFault:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await call
        return fault_of(refusal.value)


def kinds(timeline) -> list[str]:
    return [line.WhichOneof("event") for line in timeline]


def lines(timeline, kind):
    return [getattr(line, kind) for line in timeline if line.WhichOneof("event") == kind]


@asynccontextmanager
async def a_running_pager(database_url, tmp_path, metrics=None, clock=None, **more):
    """A caller of a pager that runs on ``database_url``; ``more`` settings by the names of their variables.

    On SQLite ``clock`` is the time of the pager.
    """
    async with AsyncExitStack() as stack:
        policy, notifier = ScriptedPolicy(), ScriptedNotifier()
        policy_port = await stack.enter_async_context(serving_policy(policy))
        notifier_port = await stack.enter_async_context(serving_notifier(notifier))
        database = open_database(database_url, clock=clock)
        stack.push_async_callback(database.close)
        await migrate(database, "pager")
        given = {
            "PAGER_LISTEN": "127.0.0.1:0",
            "PAGER_POLICY_TARGET": f"127.0.0.1:{policy_port}",
            "PAGER_NOTIFIER_TARGET": f"127.0.0.1:{notifier_port}",
            "PAGER_CATCH_ALL_EMAIL": "everybody@example.com",
            "PAGER_BURST": 0,  # what a storm does is told elsewhere
            "PAGER_POLICY_DEADLINE": 10,  # on a busy machine nobody else is paged
            "PAGERD_DATA": tmp_path,
            "PAGER_ADDRESS_KEYS": ADDRESS_KEY,
        }
        settings = PagerSettings(_env_file=None, **given | more)
        port = await stack.enter_async_context(running_pager(settings, database=database, metrics=metrics))
        channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{port}"))
        yield Caller(channel, policy, notifier)
