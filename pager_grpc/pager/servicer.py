"""Requests to values, values to use cases, results to responses; no rule of its own."""

# ruff: noqa: N802 - the contract names the methods

from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

from pager_domain.errors import DomainError, InvalidField, NotAllowed
from pager_domain.kernel import Clock, MonitoredServiceId, checked_id
from pager_domain.pager.errors import IncidentUnknown, MonitoredServiceUnknown
from pager_domain.pager.events import IncidentId
from pager_domain.pager.maintenance import MaintenanceWindowId
from pager_domain.pager.model import Answer, Incident, Request
from pager_domain.pager.ports.incident_views import IncidentViews, Scope, WatchPosition
from pager_domain.pager.ports.maintenance_windows import MaintenanceWindows
from pager_domain.pager.preview import EscalationPreview
from pager_grpc.access.principal import current_principal
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc
from pager_grpc.pager import wire, wire_interventions, wire_maintenance
from pager_grpc.pager.ids import new_id
from pager_grpc.pager.opened_lines import OpenedLines, log_change
from pager_grpc.pager.raise_rates import RaiseRates
from pager_grpc.pager.request_lanes import MAX_BATCH, RequestLanes
from pager_grpc.pager.wakeups import Wakeups
from pager_grpc.pager.wire_errors import ERRORS
from pager_grpc.pager.wire_events import event_pb
from pager_grpc.pager.wire_preview import preview_pb, preview_request_of
from pager_grpc.runtime.clock import EPOCH
from pager_grpc.runtime.in_turn import InTurn
from pager_grpc.runtime.page_tokens import decode_token, encode_token, page_of, page_size_of
from pager_grpc.runtime.trace_context import followed_traceparent

SERVICE_NAME = pb.DESCRIPTOR.services_by_name["PagerService"].full_name

_WATCH_BATCH = 200
# A wake-up may be lost; a watcher looks again after this many seconds by itself.
_WATCH_POLL_SECONDS = 1.0
_SIGN_OF_LIFE_POLLS = 30


class PagerServicer(pb_grpc.PagerServiceServicer):
    """``pager.v1.PagerService`` over the application service."""

    def __init__(
        self,
        lanes: RequestLanes,
        views: IncidentViews,
        windows: MaintenanceWindows,
        wakeups: Wakeups,
        preview: EscalationPreview,
        clock: Clock,
        rates: RaiseRates,
    ) -> None:
        self._rates = rates
        self._opened = OpenedLines()
        self._alerts, self._answers = lanes.alerts, lanes.answers
        self._views = views
        self._windows = windows
        self._wakeups = wakeups
        self._preview = preview
        self._clock = clock

    async def RaiseAlert(self, request: pb.RaiseAlertRequest, context: Any) -> pb.RaiseAlertResponse:
        """A service is broken."""
        self._rates.require()
        asked = wire.raise_alert_of(request, followed_traceparent())
        answer, response = await self._alerts.answered(asked, wire.raise_alert_response)
        if answer.changed:
            self._opened.add(answer, request.request_id)
        return response

    async def RaiseAlerts(
        self, request_iterator: AsyncIterator[pb.RaiseAlertsRequest], context: Any
    ) -> AsyncIterator[pb.RaiseAlertsResponse]:
        """Many alerts; messages are read ahead until they fill a commit, or those of others do."""
        async with aclosing(self._wakeups.until_closing(request_iterator)) as messages:
            raised = InTurn(messages, self._raised, size_of=wire.size_of, reads_on=self._reads_on)
            async with aclosing(raised.answers()) as responses:
                async for response in responses:
                    yield response

    def _reads_on(self, size: int) -> bool:
        return size < MAX_BATCH and self._alerts.has_room

    async def _raised(self, message: pb.RaiseAlertsRequest) -> pb.RaiseAlertsResponse:
        requests = self._rates.within(_own(wire.raise_alerts_of(message, followed_traceparent())))
        granted = [request for request in requests if isinstance(request, Request)]
        answers = iter(await self._alerts.submit_all(granted) if granted else ())
        results = [next(answers) if isinstance(request, Request) else request for request in requests]
        for request, result in zip(requests, results, strict=True):
            if isinstance(request, Request) and isinstance(result, Answer) and result.changed:
                self._opened.add(result, request.request_id)
        return wire.raise_alerts_response(results, ERRORS)

    async def Acknowledge(self, request: pb.AcknowledgeRequest, context: Any) -> pb.AcknowledgeResponse:
        """Somebody has it."""
        answer, response = await self._answers.answered(wire.acknowledge_of(request), wire.acknowledge_response)
        if answer.changed:
            log_change("incident_acknowledged", answer, request.request_id)
        return response

    async def MarkHealthy(self, request: pb.MarkHealthyRequest, context: Any) -> pb.MarkHealthyResponse:
        """The service is fine again."""
        answer, response = await self._answers.answered(wire.mark_healthy_of(request), wire.mark_healthy_response)
        if answer.changed:
            log_change("incident_resolved", answer, request.request_id)
        return response

    async def SnoozeIncident(self, request: pb.SnoozeIncidentRequest, context: Any) -> pb.SnoozeIncidentResponse:
        """Not now."""
        answer = await self._answers.submit(wire_interventions.snooze_of(request))
        log_change("incident_snoozed", answer, request.request_id)
        return pb.SnoozeIncidentResponse(incident=wire_interventions.incident_of(answer))

    async def EscalateIncident(self, request: pb.EscalateIncidentRequest, context: Any) -> pb.EscalateIncidentResponse:
        """The next level, now."""
        answer = await self._answers.submit(wire_interventions.escalation_of(request, followed_traceparent()))
        log_change("incident_escalated", answer, request.request_id)
        return pb.EscalateIncidentResponse(incident=wire_interventions.incident_of(answer))

    async def ReassignIncident(self, request: pb.ReassignIncidentRequest, context: Any) -> pb.ReassignIncidentResponse:
        """It is theirs."""
        answer = await self._answers.submit(wire_interventions.reassignment_of(request, followed_traceparent()))
        log_change("incident_reassigned", answer, request.request_id)
        return pb.ReassignIncidentResponse(incident=wire_interventions.incident_of(answer))

    async def CreateMaintenanceWindow(
        self, request: pb.CreateMaintenanceWindowRequest, context: Any
    ) -> pb.CreateMaintenanceWindowResponse:
        """Services are worked on."""
        window = wire_maintenance.window_of(request.maintenance_window, new_id())
        stored = await self._windows.create(window, wire_maintenance.request_id_of(request.request_id))
        return pb.CreateMaintenanceWindowResponse(maintenance_window=wire_maintenance.window_pb(stored))

    async def ListMaintenanceWindows(
        self, request: pb.ListMaintenanceWindowsRequest, context: Any
    ) -> pb.ListMaintenanceWindowsResponse:
        """A page of windows."""
        size = page_size_of(request.page_size)
        key = decode_token("page_token", request.page_token, str)
        windows = await self._windows.page(MaintenanceWindowId(str(key[0])) if key else None, size + 1, _scope())
        shown, token = page_of(windows, wire_maintenance.window_pb, size, lambda last: encode_token(last.window_id))
        return pb.ListMaintenanceWindowsResponse(maintenance_windows=shown, next_page_token=token)

    async def DeleteMaintenanceWindow(
        self, request: pb.DeleteMaintenanceWindowRequest, context: Any
    ) -> pb.DeleteMaintenanceWindowResponse:
        """They are not worked on any more."""
        window_id = checked_id("maintenance_window_id", request.maintenance_window_id)
        await self._windows.delete(MaintenanceWindowId(window_id), _scope())
        return pb.DeleteMaintenanceWindowResponse()

    async def GetMonitoredService(
        self, request: pb.GetMonitoredServiceRequest, context: Any
    ) -> pb.GetMonitoredServiceResponse:
        """One service."""
        service = await self._views.service(wire.service_id_of(request.monitored_service_id))
        if service is None:
            raise MonitoredServiceUnknown(request.monitored_service_id)
        return pb.GetMonitoredServiceResponse(monitored_service=wire.service_pb(service))

    async def ListMonitoredServices(
        self, request: pb.ListMonitoredServicesRequest, context: Any
    ) -> pb.ListMonitoredServicesResponse:
        """A page of services."""
        size = page_size_of(request.page_size)
        states = wire.states_of(request.states, wire.SERVICE_STATES)
        key = decode_token("page_token", request.page_token, str)
        after = MonitoredServiceId(str(key[0])) if key else None
        services = await self._views.services(states, after, size + 1, _scope())
        shown, token = page_of(services, wire.service_pb, size, lambda last: encode_token(last.monitored_service_id))
        return pb.ListMonitoredServicesResponse(monitored_services=shown, next_page_token=token)

    async def GetIncident(self, request: pb.GetIncidentRequest, context: Any) -> pb.GetIncidentResponse:
        """One incident."""
        return pb.GetIncidentResponse(incident=wire.incident_pb(await self._incident(request.incident_id)))

    async def ListIncidents(self, request: pb.ListIncidentsRequest, context: Any) -> pb.ListIncidentsResponse:
        """A page of incidents, the newest first."""
        size = page_size_of(request.page_size)
        states = wire.states_of(request.states, wire.INCIDENT_STATES)
        service_id = wire.service_id_of(request.monitored_service_id) if request.monitored_service_id else None
        before = _opening_before(request.page_token)
        incidents = await self._views.incidents(service_id, states, before, size + 1, _scope())
        shown, token = page_of(incidents, wire.incident_pb, size, _opening_token)
        return pb.ListIncidentsResponse(incidents=shown, next_page_token=token)

    async def ListIncidentEvents(
        self, request: pb.ListIncidentEventsRequest, context: Any
    ) -> pb.ListIncidentEventsResponse:
        """A page of a timeline."""
        size = page_size_of(request.page_size)
        key = decode_token("page_token", request.page_token, int)
        incident = await self._incident(request.incident_id)
        events = await self._views.events(incident, int(key[0]) if key else 0, size + 1)
        shown, token = page_of(events, event_pb, size, lambda last: encode_token(last.sequence))
        return pb.ListIncidentEventsResponse(incident_events=shown, next_page_token=token)

    async def PreviewEscalation(
        self, request: pb.PreviewEscalationRequest, context: Any
    ) -> pb.PreviewEscalationResponse:
        """Who would be paged."""
        asked = preview_request_of(request, self._clock.now())
        return preview_pb(await self._preview.preview(asked))

    async def WatchIncidents(
        self, request: pb.WatchIncidentsRequest, context: Any
    ) -> AsyncIterator[pb.WatchIncidentsResponse]:
        """Every event once and in order; no database connection is held between looks."""
        key = decode_token("resume_token", request.resume_token, int, int)
        position = WatchPosition(int(key[0]), int(key[1])) if key else await self._views.watch_position()
        principal = current_principal()
        with self._wakeups.watching() as bell:
            quiet = _SIGN_OF_LIFE_POLLS  # the first token comes at once
            while not self._wakeups.closing:
                found = await self._views.events_since(position, _WATCH_BATCH)
                quiet += 1
                for position, event in found:
                    if principal.sees(event.monitored_service_id):
                        token = _watch_token(position)
                        yield pb.WatchIncidentsResponse(incident_event=event_pb(event), resume_token=token)
                        quiet = 0
                if quiet > _SIGN_OF_LIFE_POLLS:
                    yield pb.WatchIncidentsResponse(resume_token=_watch_token(position))
                    quiet = 0
                if len(found) < _WATCH_BATCH:
                    await bell.wait(_WATCH_POLL_SECONDS)

    async def _incident(self, incident_id: str) -> Incident:
        incident = await self._views.incident(wire.incident_id_of(incident_id))
        if incident is None or not current_principal().sees(incident.monitored_service_id):
            raise IncidentUnknown(incident_id)
        return incident


def _scope() -> Scope:
    return current_principal().monitored_services


def _own(requests: list[Request | DomainError]) -> list[Request | DomainError]:
    """Many alerts; those about services that are not the caller's are refused."""
    principal = current_principal()
    if principal.monitored_services is None:
        return requests
    return [
        NotAllowed(principal.name, f"raise for {request.monitored_service_id!r}")
        if isinstance(request, Request) and not principal.sees(request.monitored_service_id)
        else request
        for request in requests
    ]


def _watch_token(position: WatchPosition) -> str:
    return encode_token(position.transaction, position.position)


def _opening_token(incident: Incident) -> str:
    return encode_token((incident.opened_at - EPOCH) // timedelta(microseconds=1), incident.incident_id)


def _opening_before(token: str) -> tuple[datetime, IncidentId] | None:
    key = decode_token("page_token", token, int, str)
    if key is None:
        return None
    try:
        return EPOCH + timedelta(microseconds=int(key[0])), IncidentId(str(key[1]))
    except OverflowError as error:
        raise InvalidField("page_token", "must be a token of an earlier answer") from error
