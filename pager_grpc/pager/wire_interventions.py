"""What a person does about an incident by hand, on the wire. Pure."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.interventions import Assignee, AssigneeKind, Escalation, Reassignment, Snooze
from pager_domain.pager.model import Answer, Request
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.pager import wire


def snooze_of(message: pb.SnoozeIncidentRequest) -> Request:
    """A snooze."""
    event = Snooze(
        message.snoozed_by,
        span_of("duration", message.duration) if message.HasField("duration") else None,
        wire.moment_of("until_time", message.until_time) if message.HasField("until_time") else None,
        message.note,
        message.incident_id,
    )
    return Request(MonitoredServiceId(message.monitored_service_id), event, message.request_id)


def escalation_of(message: pb.EscalateIncidentRequest, traceparent: str = "") -> Request:
    """An escalation by hand."""
    event = Escalation(message.escalated_by, message.incident_id)
    return Request(MonitoredServiceId(message.monitored_service_id), event, message.request_id, traceparent)


def reassignment_of(message: pb.ReassignIncidentRequest, traceparent: str = "") -> Request:
    """A reassignment.

    Raises:
        InvalidField: whom to is not said.
    """
    kind = message.assigned_to.WhichOneof("assignee")
    if kind is None:
        raise InvalidField("assigned_to", "is required: a policy_id or a person_id")
    assignee = _within("assigned_to", AssigneeKind(kind.removesuffix("_id")), getattr(message.assigned_to, kind))
    event = Reassignment(message.reassigned_by, assignee, message.incident_id)
    return Request(MonitoredServiceId(message.monitored_service_id), event, message.request_id, traceparent)


def _within(field: str, kind: AssigneeKind, assignee_id: str) -> Assignee:
    try:
        return Assignee(kind, assignee_id)
    except InvalidField as error:
        raise InvalidField(f"{field}.{error.field}", error.limit) from error


def incident_of(answer: Answer) -> pb.Incident | None:
    """The incident that was changed."""
    return wire.incident_pb(answer.incident) if answer.incident else None


def span_of(field: str, duration: Duration) -> timedelta:
    """A span; one outside of the calendar is refused."""
    try:
        return duration.ToTimedelta()
    except (ValueError, OverflowError) as error:
        raise InvalidField(field, "must be a span of at most 10000 years") from error
