"""Wire to values and back, for calls. Pure. The timeline has its own page, ``wire_events.py``."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from google.protobuf.timestamp_pb2 import Timestamp

from pager_domain.errors import DomainError, InvalidField, Overloaded
from pager_domain.kernel import MonitoredServiceId, checked_id
from pager_domain.pager.errors import RaiseRateExceeded
from pager_domain.pager.events import Acknowledgement, Alert, HealthyEvent, IncidentId, Link, Severity
from pager_domain.pager.interventions import Assignee, AssigneeKind
from pager_domain.pager.model import Answer, Incident, IncidentState, MonitoredService, Request, ServiceState
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.runtime.clock import EPOCH
from pager_grpc.runtime.errors import ErrorTable

SEVERITIES = {
    Severity.INFO: pb.Incident.SEVERITY_INFO,
    Severity.WARNING: pb.Incident.SEVERITY_WARNING,
    Severity.ERROR: pb.Incident.SEVERITY_ERROR,
    Severity.CRITICAL: pb.Incident.SEVERITY_CRITICAL,
}
_SEVERITY_OF: dict[int, Severity] = {wire: severity for severity, wire in SEVERITIES.items()}
INCIDENT_STATES = {
    IncidentState.OPEN: pb.Incident.STATE_OPEN,
    IncidentState.ACKNOWLEDGED: pb.Incident.STATE_ACKNOWLEDGED,
    IncidentState.RESOLVED: pb.Incident.STATE_RESOLVED,
}
SERVICE_STATES = {
    ServiceState.HEALTHY: pb.MonitoredService.STATE_HEALTHY,
    ServiceState.UNHEALTHY: pb.MonitoredService.STATE_UNHEALTHY,
}


MAX_ALERTS = 1_000
"""In one message of a stream."""
_ALERT_BYTES = 256

State = TypeVar("State", IncidentState, ServiceState)


def raise_alert_of(message: pb.RaiseAlertRequest, traceparent: str = "") -> Request:
    """An alert, of the trace that ``traceparent`` names."""
    links = tuple(_link(n, link) for n, link in enumerate(message.links)) if message.links else ()
    alert = Alert(
        message.message,
        severity_of(message.severity),
        message.dedup_key,
        message.details,
        links,
        moment_of("occur_time", message.occur_time) if message.HasField("occur_time") else None,
    )
    return Request(MonitoredServiceId(message.monitored_service_id), alert, message.request_id, traceparent)


def severity_of(severity: int) -> Severity:
    """An unknown severity counts as critical: the value that pages."""
    return _SEVERITY_OF.get(severity, Severity.CRITICAL)


def raise_alerts_of(message: pb.RaiseAlertsRequest, traceparent: str = "") -> list[Request | DomainError]:
    """The alerts of one message, or why one is malformed."""
    if not 1 <= len(message.alerts) <= MAX_ALERTS:
        raise InvalidField("alerts", f"must be 1 to {MAX_ALERTS}")
    return [_raise_alert_or_refusal(alert, traceparent) for alert in message.alerts]


def size_of(message: pb.RaiseAlertsRequest) -> int:
    """How many alerts of 256 bytes ``message`` weighs as much as; one, if it has none."""
    return max(1, len(message.alerts), message.ByteSize() // _ALERT_BYTES)


def raise_alerts_response(results: Sequence[Answer | DomainError], errors: ErrorTable) -> pb.RaiseAlertsResponse:
    """What each alert of one message did."""
    return pb.RaiseAlertsResponse(results=[_result_pb(result, errors) for result in results])


def acknowledge_of(message: pb.AcknowledgeRequest) -> Request:
    """An acknowledgement."""
    incident_id = IncidentId(message.incident_id) if message.incident_id else None
    event = Acknowledgement(message.acknowledged_by, message.note, incident_id)
    return Request(MonitoredServiceId(message.monitored_service_id), event, message.request_id)


def mark_healthy_of(message: pb.MarkHealthyRequest) -> Request:
    """A healthy event."""
    event = HealthyEvent(message.dedup_key)
    return Request(MonitoredServiceId(message.monitored_service_id), event, message.request_id)


def raise_alert_response(answer: Answer) -> pb.RaiseAlertResponse:
    """What the alert did."""
    response = pb.RaiseAlertResponse(opened=answer.changed, alert_count=answer.alert_count)
    _write_service(response.monitored_service, answer.service)
    if answer.incident:
        _write_incident(response.incident, answer.incident)
        # Repeats that came together are told to the rules at once; the incident here is that of before.
        response.incident.alert_count = max(answer.incident.alert_count, answer.alert_count)
    return response


def acknowledge_response(answer: Answer) -> pb.AcknowledgeResponse:
    """What the acknowledgement did."""
    incident = incident_pb(answer.incident) if answer.incident else None
    return pb.AcknowledgeResponse(incident=incident, acknowledged=answer.changed)


def mark_healthy_response(answer: Answer) -> pb.MarkHealthyResponse:
    """What the healthy event did."""
    incident = incident_pb(answer.incident) if answer.incident and answer.changed else None
    return pb.MarkHealthyResponse(
        monitored_service=service_pb(answer.service), incident=incident, resolved=answer.changed
    )


def service_pb(service: MonitoredService) -> pb.MonitoredService:
    """A service."""
    _write_service(message := pb.MonitoredService(), service)
    return message


def incident_pb(incident: Incident) -> pb.Incident:
    """An incident."""
    _write_incident(message := pb.Incident(), incident)
    return message


def _write_service(message: pb.MonitoredService, service: MonitoredService) -> None:
    message.monitored_service_id = service.monitored_service_id
    message.state = SERVICE_STATES[service.state]
    if service.incident:
        message.incident_id = service.incident.incident_id
    message.create_time.CopyFrom(_timestamp(service.created_at))
    message.update_time.CopyFrom(_timestamp(service.updated_at))


def _write_incident(message: pb.Incident, incident: Incident) -> None:
    """Field by field, where they stand in the answer: to build messages and copy them took twice as long."""
    alert = incident.alert
    message.incident_id = incident.incident_id
    message.monitored_service_id = incident.monitored_service_id
    message.state = INCIDENT_STATES[incident.state]
    message.message = alert.message
    message.severity = SEVERITIES[alert.severity]
    message.dedup_key = alert.dedup_key
    message.details = alert.details
    message.alert_count = incident.alert_count
    message.open_time.CopyFrom(_timestamp(incident.opened_at))
    if incident.next_escalation_at:
        message.next_escalation_time.CopyFrom(_timestamp(incident.next_escalation_at))
    if alert.links:
        message.links.extend(pb.Link(url=link.url, text=link.text) for link in alert.links)
    if not incident.is_untouched:
        _write_what_happened(message, incident)


def _write_what_happened(message: pb.Incident, incident: Incident) -> None:
    """What is empty as long as an incident was only opened."""
    message.cycle = incident.cycle
    message.level = incident.level
    message.exhausted = incident.exhausted
    if incident.policy:
        message.policy_id = incident.policy.policy_id
        message.policy_revision = incident.policy.revision
    if incident.acknowledged_at:
        message.acknowledge_time.CopyFrom(_timestamp(incident.acknowledged_at))
    message.acknowledged_by = incident.acknowledged_by
    message.acknowledge_note = incident.acknowledge_note
    if incident.resolved_at:
        message.resolve_time.CopyFrom(_timestamp(incident.resolved_at))
    if incident.held_until:
        message.hold_end_time.CopyFrom(_timestamp(incident.held_until))
    message.maintenance_window_id = incident.held_by_window
    if incident.assigned_to:
        message.assigned_to.CopyFrom(assignee_pb(incident.assigned_to))


def assignee_pb(assignee: Assignee) -> pb.Assignee:
    """Whom an incident is given to."""
    if assignee.kind is AssigneeKind.POLICY:
        return pb.Assignee(policy_id=assignee.assignee_id)
    return pb.Assignee(person_id=assignee.assignee_id)


def timestamp_pb(moment: datetime | None) -> Timestamp | None:
    """A moment, to be copied into a message, or none."""
    return None if moment is None else _timestamp(moment)


@lru_cache(maxsize=256)
def _timestamp(moment: datetime) -> Timestamp:
    """To be copied and never changed. A batch shares a few, and protobuf's own way costs three times as much."""
    since = moment - EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000)


def moment_of(field: str, timestamp: Timestamp) -> datetime:
    """An aware moment; a timestamp outside of the calendar is refused."""
    try:
        return timestamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidField(field, "must be a moment between the years 1 and 9999") from error


def service_id_of(value: str) -> MonitoredServiceId:
    """A checked service id."""
    return MonitoredServiceId(checked_id("monitored_service_id", value))


def incident_id_of(value: str) -> IncidentId:
    """A checked incident id."""
    return IncidentId(checked_id("incident_id", value))


def states_of(wanted: Sequence[int], table: Mapping[State, int]) -> set[State]:
    """The states asked for; one that this version does not know is refused."""
    known = {wire: state for state, wire in table.items()}
    if unknown := set(wanted) - known.keys():
        raise InvalidField("states", f"must not contain the unknown value {min(unknown)}")
    return {known[wire] for wire in wanted}


def _raise_alert_or_refusal(message: pb.RaiseAlertRequest, traceparent: str) -> Request | DomainError:
    try:
        return raise_alert_of(message, traceparent)
    except InvalidField as refusal:
        return refusal


def _result_pb(result: Answer | DomainError, errors: ErrorTable) -> pb.RaiseAlertsResponse.Result:
    if isinstance(result, DomainError):
        _, reason = errors[type(result)]
        refused = pb.RaiseAlertsResponse.Result(error_reason=pb.ErrorReason.Value(reason), error_message=str(result))
        if isinstance(result, Overloaded | RaiseRateExceeded):
            refused.retry_after.FromTimedelta(result.retry_after)
        return refused
    incident_id = result.incident.incident_id if result.incident else ""
    return pb.RaiseAlertsResponse.Result(incident_id=incident_id, opened=result.changed, alert_count=result.alert_count)


def _link(index: int, link: pb.Link) -> Link:
    try:
        return Link(link.url, link.text)
    except InvalidField as error:
        raise InvalidField(f"links[{index}].{error.field}", error.limit) from error
