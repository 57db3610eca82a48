"""Rows to values and back. Pure; JSON documents are written and checked by pydantic from the dataclasses themselves."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from pager_domain.kernel import (
    MonitoredServiceId,
)
from pager_domain.pager.events import (
    Alert,
    AlertRepeated,
    Cause,
    EscalationExhausted,
    IncidentAcknowledged,
    IncidentEvent,
    IncidentId,
    IncidentOpened,
    IncidentResolved,
    LevelNotified,
    LevelSkipped,
    LevelUndeliverable,
    Link,
    NotificationSettled,
    Severity,
)
from pager_domain.pager.interventions import (
    AcknowledgementExpired,
    Assignee,
    AssigneeKind,
    AssigneeUnknown,
    IncidentEscalated,
    IncidentHeld,
    IncidentReassigned,
    IncidentReleased,
    IncidentReopened,
    IncidentSnoozed,
)
from pager_domain.pager.model import (
    FormerIncident,
    Incident,
    IncidentState,
    MonitoredService,
    StoredAnswer,
)
from pager_grpc.pager.policy_documents import policy_document, policy_of
from pager_grpc.pager.sealing import Sealing
from pager_grpc.runtime.columns import as_document, as_moment, moment_of

Row = dict[str, Any]
StoredRow = Mapping[Any, Any]
"""As read through a typed column or by plain SQL: then SQLite gives text for moments and documents."""

_CAUSES: dict[str, TypeAdapter[Any]] = {
    kind.__name__: TypeAdapter(kind)
    for kind in (
        IncidentOpened,
        AlertRepeated,
        LevelNotified,
        LevelSkipped,
        LevelUndeliverable,
        EscalationExhausted,
        IncidentAcknowledged,
        AcknowledgementExpired,
        IncidentSnoozed,
        IncidentEscalated,
        IncidentReassigned,
        AssigneeUnknown,
        IncidentReopened,
        IncidentHeld,
        IncidentReleased,
        IncidentResolved,
        NotificationSettled,
    )
}
_LINKS = TypeAdapter(tuple[Link, ...])
_SEVERITIES = {severity.value: severity for severity in Severity}
_STATES = {state.value: state for state in IncidentState}


def service_row(service: MonitoredService) -> Row:
    """A service as it is stored."""
    return {
        "monitored_service_id": service.monitored_service_id,
        "incident_id": service.incident.incident_id if service.incident else None,
        "created_at": service.created_at,
        "updated_at": service.updated_at,
        "reopen_incident_id": service.former.incident.incident_id if service.former else None,
    }


def new_incident_row(incident: Incident, sealing: Sealing) -> Row:
    """An incident that was opened just now, whole."""
    return changed_incident_row(incident, sealing) | opened_incident_row(incident)


def opened_incident_row(incident: Incident) -> Row:
    """What is not ``AS_OPENED`` of an incident to which nothing has happened since it was opened."""
    alert = incident.alert
    return {
        "monitored_service_id": incident.monitored_service_id,
        "incident_id": incident.incident_id,
        "message": alert.message,
        "severity": alert.severity.value,
        "dedup_key": alert.dedup_key,
        "details": alert.details,
        "links": _LINKS.dump_json(alert.links).decode() if alert.links else "[]",
        "occurred_at": alert.occurred_at,
        "opened_at": incident.opened_at,
        "next_escalation_at": incident.next_escalation_at,
        "traceparent": incident.traceparent or None,
    }


AS_OPENED = (
    ("state", "'open'"),
    ("alert_count", "1"),
    ("event_count", "1"),
    ("generation", "1"),
    ("cycle", "0"),
    ("level", "0"),
    ("policy_since_cycle", "1"),
    ("exhausted", "false"),
    ("acknowledged_by", "''"),
    ("acknowledge_note", "''"),
)
"""The SQL of what is the same of all incidents that were only opened yet; every other column is NULL."""


def changed_incident_row(incident: Incident, sealing: Sealing) -> Row:
    """What can change of an incident, with its key."""
    return {
        "monitored_service_id": incident.monitored_service_id,
        "incident_id": incident.incident_id,
        "state": incident.state.value,
        "alert_count": incident.alert_count,
        "event_count": incident.event_count,
        "generation": incident.generation,
        "cycle": incident.cycle,
        "level": incident.level,
        "policy_since_cycle": incident.policy_since_cycle,
        "policy": policy_document(incident.policy, sealing) if incident.policy else None,
        "next_escalation_at": incident.next_escalation_at,
        "acknowledgement_due_at": incident.acknowledgement_due_at,
        "exhausted": incident.exhausted,
        "acknowledged_at": incident.acknowledged_at,
        "acknowledged_by": incident.acknowledged_by,
        "acknowledge_note": incident.acknowledge_note,
        "resolved_at": incident.resolved_at,
        "held_until": incident.held_until,
        "held_by_window": incident.held_by_window or None,
        "reopen_until": incident.reopen_until,
        "assigned_to": str(incident.assigned_to) if incident.assigned_to else None,
        "traceparent": incident.traceparent or None,
    }


def counted_incident_row(incident: Incident) -> Row:
    """What changes of an incident when an alert is repeated, with its key."""
    return {
        "monitored_service_id": incident.monitored_service_id,
        "incident_id": incident.incident_id,
        "alert_count": incident.alert_count,
        "event_count": incident.event_count,
        "generation": incident.generation,
    }


def service_of(row: StoredRow, incident: Incident | None, former: FormerIncident | None = None) -> MonitoredService:
    """A service from its row and those of the incidents that it names."""
    service_id = MonitoredServiceId(row["monitored_service_id"])
    return MonitoredService(service_id, moment_of(row["created_at"]), moment_of(row["updated_at"]), incident, former)


def incident_of(row: StoredRow, sealing: Sealing) -> Incident:
    """An incident from its row."""
    alert = Alert(
        row["message"],
        _SEVERITIES[row["severity"]],
        row["dedup_key"],
        row["details"],
        _links_of(row["links"]),
        as_moment(row["occurred_at"]),
    )
    return Incident(
        incident_id=IncidentId(row["incident_id"]),
        monitored_service_id=MonitoredServiceId(row["monitored_service_id"]),
        alert=alert,
        opened_at=moment_of(row["opened_at"]),
        state=_STATES[row["state"]],
        alert_count=row["alert_count"],
        cycle=row["cycle"],
        level=row["level"],
        next_escalation_at=as_moment(row["next_escalation_at"]),
        acknowledgement_due_at=as_moment(row["acknowledgement_due_at"]),
        exhausted=bool(row["exhausted"]),
        policy=policy_of(row["policy"], sealing) if row["policy"] else None,
        policy_since_cycle=row["policy_since_cycle"],
        acknowledged_at=as_moment(row["acknowledged_at"]),
        acknowledged_by=row["acknowledged_by"],
        acknowledge_note=row["acknowledge_note"],
        resolved_at=as_moment(row["resolved_at"]),
        event_count=row["event_count"],
        generation=row["generation"],
        held_until=as_moment(row["held_until"]),
        held_by_window=row["held_by_window"] or "",
        reopen_until=as_moment(row["reopen_until"]),
        assigned_to=_assignee_of(row["assigned_to"]) if row["assigned_to"] else None,
        traceparent=row["traceparent"] or "",
    )


def answer_row(answer: StoredAnswer, now: datetime) -> Row:
    """An answer that was given ``now``, as it is stored."""
    return {
        "monitored_service_id": answer.monitored_service_id,
        "request_id": answer.request_id,
        "fingerprint": answer.fingerprint,
        "incident_id": answer.incident_id,
        "changed": answer.changed,
        "alert_count": answer.alert_count,
        "created_at": now,
    }


def answer_of(row: StoredRow) -> StoredAnswer:
    """An answer from its row."""
    return StoredAnswer(
        MonitoredServiceId(row["monitored_service_id"]),
        row["request_id"],
        row["fingerprint"],
        IncidentId(row["incident_id"]) if row["incident_id"] else None,
        bool(row["changed"]),
        row["alert_count"],
    )


def event_row(event: IncidentEvent) -> Row:
    """A line of a timeline as it is stored; its place in the stream is given by the database."""
    kind = type(event.what).__name__
    return {
        "monitored_service_id": event.monitored_service_id,
        "incident_id": event.incident_id,
        "sequence": event.sequence,
        "at": event.at,
        "kind": kind,
        "document": _CAUSES[kind].dump_json(event.what).decode(),
    }


def event_of(row: StoredRow) -> IncidentEvent:
    """A line of a timeline from its row."""
    what: Cause = _CAUSES[row["kind"]].validate_python(as_document(row["document"]))
    service_id, incident_id = MonitoredServiceId(row["monitored_service_id"]), IncidentId(row["incident_id"])
    return IncidentEvent(service_id, incident_id, row["sequence"], moment_of(row["at"]), what)


def _assignee_of(text: str) -> Assignee:
    kind, _, assignee_id = text.partition("/")
    return Assignee(AssigneeKind(kind), assignee_id)


def _links_of(document: Any) -> tuple[Link, ...]:
    if not document or document == "[]":
        return ()
    links: tuple[Link, ...] = _LINKS.validate_python(as_document(document))
    return links
