"""One batch of requests on its way through the rules, inside one unit of work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pager_domain.errors import DomainError
from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager import silence
from pager_domain.pager.errors import MonitoredServiceUnknown, RequestIdReused
from pager_domain.pager.events import (
    Acknowledgement,
    Alert,
    IncidentId,
    IncidentOpened,
    IncidentResolved,
    NotificationSettled,
    Outcome,
)
from pager_domain.pager.interventions import (
    Escalation,
    IncidentEscalated,
    IncidentReassigned,
    IncidentReopened,
    Reassignment,
    Snooze,
)
from pager_domain.pager.model import (
    Answer,
    Change,
    Incident,
    MonitoredService,
    Request,
    StoredAnswer,
    recorded,
)
from pager_domain.pager.ports.monitored_services import CancelledPage, RequestKey, UnitOfWork
from pager_domain.pager.service import PagerService
from pager_domain.values import changed

MOST_FORESEEN = 20
"""So many at once, requests or incidents, are a quiet hour: what follows from them is begun before it is certain."""
_MAKES_DUE = (IncidentOpened, IncidentReopened, IncidentEscalated, IncidentReassigned)


@dataclass
class Repeats:
    """Equal alerts on one Unhealthy service that are not told to the rules yet."""

    alert: Alert
    count: int = 0


class Batch:
    """What was loaded for a batch, and what has changed so far."""

    def __init__(self, now: datetime, new_incident_id: Callable[[], IncidentId]) -> None:
        self._now = now
        self._new_incident_id = new_incident_id
        self._services: dict[MonitoredServiceId, MonitoredService] = {}
        self._incidents: dict[IncidentId, Incident] = {}
        self._answers: dict[RequestKey, StoredAnswer] = {}
        self._changes: list[Change] = []
        self._repeats: dict[MonitoredServiceId, Repeats] = {}
        self._new_answers: dict[RequestKey, StoredAnswer] = {}

    @classmethod
    async def open(
        cls, work: UnitOfWork, batch: Sequence[Request], new_incident_id: Callable[[], IncidentId]
    ) -> "Batch":
        """Locks and loads all that the batch touches; only an alert begins a service."""
        alerted = {request.monitored_service_id for request in batch if isinstance(request.event, Alert)}
        others = {request.monitored_service_id for request in batch} - alerted
        services = await work.services(alerted, others)
        opened = cls(work.now, new_incident_id)
        opened._services = services
        opened._answers = await work.stored_answers([request for request in batch if request.request_id])
        wanted = {answer.incident_id for answer in opened._answers.values() if answer.incident_id}
        known = {service.incident.incident_id: service.incident for service in services.values() if service.incident}
        opened._incidents = known | await work.incidents(wanted - known.keys())
        return opened

    def result_of(self, request: Request) -> Answer | DomainError:
        """The answer to one request, or why it is refused; a refusal changes nothing."""
        key = (request.monitored_service_id, request.request_id)
        try:
            if (stored := self._answers.get(key) or self._new_answers.get(key)) is not None:
                return self._replayed(request, stored)
            answer = self._granted(request)
        except DomainError as refusal:
            return refusal
        if request.request_id:
            self._new_answers[key] = _stored(request, answer)
        return answer

    def _replayed(self, request: Request, stored: StoredAnswer) -> Answer:
        if stored.fingerprint != request.fingerprint:
            raise RequestIdReused(request.request_id)
        service = self._services[request.monitored_service_id]
        incident = self._incidents.get(stored.incident_id) if stored.incident_id else None
        return Answer(service, incident, stored.changed, stored.alert_count)

    def _granted(self, request: Request) -> Answer:
        service = self._services.get(request.monitored_service_id)
        if service is None:
            raise MonitoredServiceUnknown(request.monitored_service_id)
        if service.incident is not None and isinstance(request.event, Alert):
            return self._repeated(service, service.incident, request.event)
        self._tell_repeats(request.monitored_service_id)
        change = self._told(self._services[request.monitored_service_id], request)
        if request.traceparent:
            change = followed(change, request.traceparent)
        self._keep(change)
        counted = change.incident.alert_count if change.incident and isinstance(request.event, Alert) else 0
        changed = bool(change.events) and counted <= 1
        return Answer(change.service, change.incident, changed, counted)

    def _repeated(self, service: MonitoredService, incident: Incident, alert: Alert) -> Answer:
        """An alert on an Unhealthy service waits until all that are equal to it can be told together."""
        waiting = self._repeats.get(service.monitored_service_id)
        if waiting is not None and waiting.alert != alert:
            self._tell_repeats(service.monitored_service_id)
            service, waiting = self._services[service.monitored_service_id], None
            incident = service.incident or incident
        if waiting is None:
            waiting = self._repeats[service.monitored_service_id] = Repeats(alert)
        waiting.count += 1
        return Answer(service, incident, changed=False, alert_count=incident.alert_count + waiting.count)

    def _tell_repeats(self, service_id: MonitoredServiceId) -> None:
        waiting, service = self._repeats.pop(service_id, None), self._services[service_id]
        if waiting is not None and service.incident is not None:
            self._keep(PagerService.on_repeats(service, service.incident, waiting.alert, waiting.count, self._now))

    def _keep(self, change: Change) -> None:
        self._services[change.service.monitored_service_id] = change.service
        if change.incident is not None:
            self._incidents[change.incident.incident_id] = change.incident
        if change.events:
            self._changes.append(change)

    def _told(self, service: MonitoredService, request: Request) -> Change:
        event = request.event
        if isinstance(event, Alert):
            return PagerService.on_alert(service, event, self._new_incident_id, self._now)
        if isinstance(event, Acknowledgement):
            return PagerService.on_acknowledgement(service, event, self._now)
        if isinstance(event, Snooze):
            return silence.on_snooze(service, event, self._now)
        if isinstance(event, Escalation):
            return silence.on_escalation(service, event, self._now)
        if isinstance(event, Reassignment):
            return silence.on_reassignment(service, event, self._now)
        return PagerService.on_healthy(service, event, self._now)

    def foreseen(self) -> list[Incident]:
        """Whose levels will fire as soon as this is stored."""
        events = [event for change in self._changes for event in change.events]
        opened = [self._incidents[event.incident_id] for event in events if isinstance(event.what, IncidentOpened)]
        return [incident for incident in opened if incident.is_due(self._now)]

    async def save(self, work: UnitOfWork) -> None:
        """Writes all changes; the waiting pages of answered and held incidents are cancelled, each with a line."""
        for service_id in list(self._repeats):
            self._tell_repeats(service_id)
        stopped = _silenced(self._changes)
        cancelled = await work.cancel_waiting(stopped) if stopped else []
        if cancelled:
            self._changes += cancellations(self._changes, cancelled, self._now)
        await work.save(self._changes, answers=list(self._new_answers.values()))


def followed(change: Change, traceparent: str) -> Change:
    """``change``; an incident that it makes due belongs to the trace of who asked for it from now on."""
    if change.incident is None or not any(isinstance(event.what, _MAKES_DUE) for event in change.events):
        return change
    incident = changed(change.incident, traceparent=traceparent)
    return changed(change, service=changed(change.service, incident=incident), incident=incident)


def _silenced(changes: Sequence[Change]) -> set[IncidentId]:
    """The incidents whose waiting pages are owed no longer; one that is resolved and goes on in the same batch owes
    them still, unless somebody had answered before.
    """
    silenced: set[IncidentId] = set()
    resolved: set[IncidentId] = set()
    if not any(change.stops_paging for change in changes):
        return silenced
    for change in changes:
        if change.incident is not None and change.stops_paging:
            (resolved if _causes(change, IncidentResolved) else silenced).add(change.incident.incident_id)
        elif change.incident is not None and _causes(change, IncidentReopened):
            resolved.discard(change.incident.incident_id)
    return silenced | resolved


def _causes(change: Change, kind: type) -> bool:
    return any(isinstance(event.what, kind) for event in change.events)


def _stored(request: Request, answer: Answer) -> StoredAnswer:
    return StoredAnswer(
        request.monitored_service_id,
        request.request_id,
        request.fingerprint,
        answer.incident.incident_id if answer.incident else None,
        answer.changed,
        answer.alert_count,
    )


def cancellations(changes: Sequence[Change], cancelled: Sequence[CancelledPage], now: datetime) -> list[Change]:
    """A line in the timeline for each page that is no longer owed."""
    latest = {c.incident.incident_id: c for c in changes if c.incident is not None}
    services = {c.service.monitored_service_id: c.service for c in changes}
    lines = []
    for incident_id, change in latest.items():
        pages = [page for page in cancelled if page.notification.incident_id == incident_id]
        if not pages or change.incident is None:
            continue
        incident, events = recorded(change.incident, now, *map(_cancelled, pages))
        service = services[incident.monitored_service_id]
        if service.incident is not None and service.incident.incident_id == incident_id:
            service = changed(service, incident=incident)
        services[incident.monitored_service_id] = service
        lines.append(Change(service, incident, events))
    return lines


def _cancelled(cancelled: CancelledPage) -> NotificationSettled:
    """A page that was claimed before may have got through in an attempt whose end nobody knows."""
    page, moment = cancelled.notification, "was due" if cancelled.before_due else "was handed off"
    return NotificationSettled(
        page.notification_id,
        page.notified,
        page.cycle,
        page.level,
        Outcome.CANCELLED,
        reason=f"the incident was answered or held before the page {moment}",
        possibly_duplicated=cancelled.claims > 0,
        step=page.step,
        before_due=cancelled.before_due,
    )
