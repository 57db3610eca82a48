"""The pager for programs: ``async with PagerClient("127.0.0.1:50051") as pager: await pager.raise_alert(…)``."""

import uuid
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from google.protobuf.duration_pb2 import Duration

from pager_grpc.client.alert_stream import AlertStream, Result
from pager_grpc.client.alerts import Alert, Severity, timestamp_of
from pager_grpc.client.calling import Caller, in_silence
from pager_grpc.client.endpoints import Credentials, Target, open_endpoints
from pager_grpc.client.paging import IncidentState, Pages, ServiceState, incident_states, service_states
from pager_grpc.client.watching import Connection, Watch
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import PagerServiceStub
from pager_grpc.runtime.tls_files import TlsFiles

DEFAULT_TIMEOUT = 10.0


class PagerClient:
    """The pager at ``target`` (host:port, or several that stand in for each other), over TLS if ``tls`` is given.

    A call takes at most ``timeout`` seconds, repeats included. A write is repeated under one request id while nobody
    knows whether it was done, so that it happens once; give the id yourself to go on after a restart of your own.
    Answers are the messages of ``protos/pager/v1``. Every method raises :class:`~pager_grpc.client.Refused` or
    :class:`~pager_grpc.client.NotAnswered`; a value that no server would take may be a ValueError.
    """

    def __init__(
        self,
        target: Target,
        *,
        api_key: str = "",
        tls: TlsFiles | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        waits: Callable[[], None] = in_silence,
    ) -> None:
        if timeout <= 0:
            raise ValueError("timeout must be more than 0 seconds")
        self._target = target
        self._credentials = Credentials(api_key, tls)
        self._timeout = timeout
        self._waits = waits
        self._opened: AsyncExitStack | None = None
        self._calls: Caller | None = None
        self._stub: PagerServiceStub

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            endpoints = await stack.enter_async_context(open_endpoints(self._target, self._credentials))
            self._calls = Caller(endpoints, self._timeout, self._waits)
            self._stub = PagerServiceStub(endpoints.channel)
            self._opened = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._opened is not None:
            await self._opened.aclose()

    @property
    def _caller(self) -> Caller:
        if self._calls is None:
            raise RuntimeError("the client is not open: call it inside of `async with PagerClient(…) as pager:`")
        return self._calls

    async def raise_alert(
        self,
        service: str,
        message: str,
        *,
        severity: Severity = "critical",
        details: str = "",
        links: Sequence[str] = (),
        dedup_key: str = "",
        occur_time: datetime | None = None,
        request_id: str = "",
        within: float | None = None,
    ) -> pb.RaiseAlertResponse:
        """Says that ``service`` is broken; goes on trying for ``within`` seconds, or for the timeout of the client."""
        alert = Alert(
            service=service,
            message=message,
            severity=severity,
            details=details,
            links=links,
            dedup_key=dedup_key,
            occur_time=occur_time,
            request_id=_id_or_new(request_id),
        )
        return await self._caller.write(self._stub.RaiseAlert, alert.request(), within)

    async def raise_alerts(
        self, alerts: AsyncIterable[Alert] | Iterable[Alert]
    ) -> AsyncGenerator[tuple[Alert, Result], None]:
        """Raises many: each alert with its result, in their order, once it is on disk; what waits goes together.

        A result says itself whether its alert was refused. The error of a message that was not answered names the
        request id of its first alert: raise from there again, with the same ids.
        """
        async with aclosing(AlertStream(self._caller).results(alerts)) as results:
            async for raised in results:
                yield raised

    async def acknowledge(
        self, service: str, *, by: str, incident_id: str = "", note: str = "", request_id: str = ""
    ) -> pb.AcknowledgeResponse:
        """Says that ``by`` has it; the open incident is meant if none is named."""
        request = pb.AcknowledgeRequest(
            monitored_service_id=service,
            incident_id=incident_id,
            acknowledged_by=by,
            note=note,
            request_id=_id_or_new(request_id),
        )
        return await self._caller.write(self._stub.Acknowledge, request)

    async def mark_healthy(self, service: str, *, dedup_key: str = "", request_id: str = "") -> pb.MarkHealthyResponse:
        """Says that ``service`` is fine again."""
        request = pb.MarkHealthyRequest(
            monitored_service_id=service, dedup_key=dedup_key, request_id=_id_or_new(request_id)
        )
        return await self._caller.write(self._stub.MarkHealthy, request)

    async def snooze(
        self,
        service: str,
        end: timedelta | datetime,
        *,
        by: str,
        incident_id: str = "",
        note: str = "",
        request_id: str = "",
    ) -> pb.SnoozeIncidentResponse:
        """Pages nobody for so long, or until then: 1 minute to 24 hours."""
        request = pb.SnoozeIncidentRequest(
            monitored_service_id=service,
            incident_id=incident_id,
            snoozed_by=by,
            note=note,
            request_id=_id_or_new(request_id),
        )
        if isinstance(end, timedelta):
            span = Duration()
            span.FromTimedelta(end)
            request.duration.CopyFrom(span)
        else:
            request.until_time.CopyFrom(timestamp_of(end))
        return await self._caller.write(self._stub.SnoozeIncident, request)

    async def escalate(
        self, service: str, *, by: str, incident_id: str = "", request_id: str = ""
    ) -> pb.EscalateIncidentResponse:
        """Makes the next level due at once."""
        request = pb.EscalateIncidentRequest(
            monitored_service_id=service,
            incident_id=incident_id,
            escalated_by=by,
            request_id=_id_or_new(request_id),
        )
        return await self._caller.write(self._stub.EscalateIncident, request)

    async def reassign(
        self, service: str, to: pb.Assignee, *, by: str, incident_id: str = "", request_id: str = ""
    ) -> pb.ReassignIncidentResponse:
        """Gives the incident to a policy or a person, as in ``pb.Assignee(person_id="ana")``."""
        request = pb.ReassignIncidentRequest(
            monitored_service_id=service,
            incident_id=incident_id,
            assigned_to=to,
            reassigned_by=by,
            request_id=_id_or_new(request_id),
        )
        return await self._caller.write(self._stub.ReassignIncident, request)

    async def get_service(self, service: str) -> pb.MonitoredService:
        """One service."""
        request = pb.GetMonitoredServiceRequest(monitored_service_id=service)
        return (await self._caller.read(self._stub.GetMonitoredService, request)).monitored_service

    def services(self, *, states: Sequence[ServiceState] = ()) -> AsyncGenerator[pb.MonitoredService, None]:
        """The services in ``states`` (all if empty) by id; asked for page by page."""
        request = pb.ListMonitoredServicesRequest(states=service_states(states))
        pages = Pages(self._caller, self._stub.ListMonitoredServices, request, lambda page: page.monitored_services)
        return pages.rows()

    async def get_incident(self, incident_id: str) -> pb.Incident:
        """One incident."""
        request = pb.GetIncidentRequest(incident_id=incident_id)
        return (await self._caller.read(self._stub.GetIncident, request)).incident

    def incidents(
        self, *, service: str = "", states: Sequence[IncidentState] = ()
    ) -> AsyncGenerator[pb.Incident, None]:
        """The incidents in ``states`` (all if empty) of one service or of all, the newest first."""
        request = pb.ListIncidentsRequest(monitored_service_id=service, states=incident_states(states))
        return Pages(self._caller, self._stub.ListIncidents, request, lambda page: page.incidents).rows()

    def timeline(self, incident_id: str) -> AsyncGenerator[pb.IncidentEvent, None]:
        """What happened, the oldest event first."""
        request = pb.ListIncidentEventsRequest(incident_id=incident_id)
        return Pages(self._caller, self._stub.ListIncidentEvents, request, lambda page: page.incident_events).rows()

    async def watch(
        self, resume_token: str = "", *, connection: Connection | None = None
    ) -> AsyncGenerator[pb.WatchIncidentsResponse, None]:
        """Every event once and in order, from now on or after ``resume_token``, across lost connections.

        Keep the ``resume_token`` of the last response that you are done with, to go on there after a restart of your
        own. ``connection`` hears of losses. Ends only with an error: no server within the timeout, or a refusal.
        """
        watch = Watch(self._caller, resume_token, connection or Connection())
        async with aclosing(watch.responses()) as responses:
            async for response in responses:
                yield response


def _id_or_new(request_id: str) -> str:
    return request_id or str(uuid.uuid4())
