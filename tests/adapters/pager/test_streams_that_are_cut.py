"""A connection ends at its age: whoever streams over it goes on over another, and nothing is lost or counted twice."""

import asyncio

import grpc
from adapters.pager.running import a_running_pager

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

CUTS = 2
CUT = (grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL)
"""How a stream ends: the server's own end is OK, and that of a connection that is cut before it one of the others."""


async def test_alerts_and_events_outlive_the_connections_they_travel_on(tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'pager.db'}"
    short = {"PAGERD_CONNECTION_AGE": 1, "PAGERD_CONNECTION_GRACE": 1}
    async with a_running_pager(url, tmp_path, **short) as caller, asyncio.timeout(60):
        watched = Watched(caller.stub)
        watching = asyncio.create_task(watched.follow())
        await watched.begun.wait()
        raised = await raised_over(caller.stub, CUTS)
        [service] = await caller.services()
        assert (await caller.incident(service.incident_id)).alert_count == raised
        caller_says = [line.sequence for line in await caller.timeline(service.incident_id)]
        await watched.until(len(caller_says))
        watching.cancel()
    assert watched.cuts >= 1
    assert watched.sequences == caller_says


async def raised_over(stub, cuts: int) -> int:
    """Alerts of one service, a message at a time under an id of its own, until so many streams were cut."""
    raised = 0
    while cuts:
        stream = stub.RaiseAlerts()
        try:
            while True:
                alert = pb.RaiseAlertRequest(
                    monitored_service_id="a", message=f"no. {raised}", request_id=f"request-{raised}"
                )
                await stream.write(pb.RaiseAlertsRequest(alerts=[alert]))
                if (answer := await stream.read()) is grpc.aio.EOF:
                    break  # the stream has ended: its status says how
                assert [result.error_reason for result in answer.results] == [0]
                raised += 1
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            assert await stream.code() in CUT
        cuts -= 1
    return raised


class Watched:
    """The events of all services, read by a client that resumes."""

    def __init__(self, stub) -> None:
        self._stub, self._token = stub, ""
        self.sequences: list[int] = []
        self.cuts = 0
        self.begun, self._news = asyncio.Event(), asyncio.Event()

    async def follow(self) -> None:
        while True:
            try:
                async for response in self._stub.WatchIncidents(pb.WatchIncidentsRequest(resume_token=self._token)):
                    self._token = response.resume_token
                    self.begun.set()
                    if response.HasField("incident_event"):
                        self.sequences.append(response.incident_event.sequence)
                        self._news.set()
            except grpc.aio.AioRpcError as error:
                if error.code() not in CUT:
                    raise
            self.cuts += 1

    async def until(self, events: int) -> None:
        while len(self.sequences) < events:
            self._news.clear()
            await self._news.wait()
