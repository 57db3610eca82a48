"""Silence with care: snoozing, acknowledgements that expire, and what ends silence by hand. Pure.

Silence never loses a page: an incident that is held has a moment at which paging goes on (``next_escalation_at``), and
:meth:`~pager_domain.pager.service.PagerService.on_timeout` fires it then like any other that is due.
"""

from datetime import datetime
from typing import Any

from pager_domain.pager.cycles import beginning_anew, somebody_is_left
from pager_domain.pager.errors import IncidentUnknown, NoLevelLeft, NoOpenIncident
from pager_domain.pager.events import Cause
from pager_domain.pager.interventions import (
    AcknowledgementExpired,
    AssigneeUnknown,
    Escalation,
    IncidentEscalated,
    IncidentReassigned,
    IncidentSnoozed,
    Reassignment,
    Snooze,
)
from pager_domain.pager.model import Change, Incident, IncidentState, MonitoredService, recorded
from pager_domain.values import changed

_NOBODY_HAS_IT: dict[str, Any] = {"acknowledged_at": None, "acknowledged_by": "", "acknowledge_note": ""}
NOT_HELD: dict[str, Any] = {"held_until": None, "held_by_window": ""}


def meant(service: MonitoredService, incident_id: str) -> Incident:
    """The unresolved incident of ``service``, which must be ``incident_id`` if one is named.

    Raises:
        NoOpenIncident: the service is healthy.
        IncidentUnknown: another incident was meant.
    """
    if service.incident is None:
        raise NoOpenIncident(service.monitored_service_id)
    if incident_id and incident_id != service.incident.incident_id:
        raise IncidentUnknown(incident_id)
    return service.incident


def on_snooze(service: MonitoredService, snooze: Snooze, now: datetime) -> Change:
    """Pages that wait are cancelled; at the end of the snooze the level fires that would have come next.

    Where none would have come, a new cycle begins at level 1. An acknowledged incident stays acknowledged until then;
    its acknowledgement ends with the snooze.

    Raises:
        NoOpenIncident: the service is healthy.
        IncidentUnknown: another incident was meant.
        InvalidField: the end of the snooze is too near or too far.
    """
    known, until = meant(service, snooze.incident_id), snooze.end(now)
    told = IncidentSnoozed(snooze.snoozed_by, until, snooze.note)
    incident, events = recorded(held(known, until), now, told)
    return Change(changed(service, incident=incident), incident, events, stops_paging=True)


def held(incident: Incident, until: datetime) -> Incident:
    """``incident`` with nothing due before ``until``; whoever is silent at the last level begins anew then."""
    if incident.is_open and not somebody_is_left(incident):
        incident = beginning_anew(incident)
    return changed(
        incident,
        next_escalation_at=until,
        acknowledgement_due_at=until,
        held_until=until,
        held_by_window="",
        exhausted=False,
    )


def was_ordered(incident: Incident) -> bool:
    """Whether a due ``incident`` is so because a hold ends or somebody wants it, and not because a delay is over.

    Whoever was left when it was held or pushed on may be off duty by now: it must not end in silence.
    """
    return incident.held_until is not None or (incident.level > 0 and incident.acknowledgement_due_at is None)


def resumed(incident: Incident) -> tuple[Incident, list[Cause]]:
    """A due ``incident`` as it is fired: held no longer, and open if its acknowledgement has expired."""
    if incident.held_until is not None:
        incident = changed(incident, **NOT_HELD)
    if incident.is_open:
        return incident, []
    told = AcknowledgementExpired(incident.acknowledged_by)
    return reopened_to_all(beginning_anew(incident)), [told]


def reopened_to_all(incident: Incident) -> Incident:
    """``incident`` open, in nobody's hands, and without a delay that still runs."""
    return changed(incident, state=IncidentState.OPEN, acknowledgement_due_at=None, **_NOBODY_HAS_IT)


def on_escalation(service: MonitoredService, escalation: Escalation, now: datetime) -> Change:
    """The next level is due at once, also of an incident that is held or acknowledged: it is open again.

    Raises:
        NoOpenIncident: the service is healthy.
        IncidentUnknown: another incident was meant.
        NoLevelLeft: the last level was notified and no repeat is left.
    """
    known = meant(service, escalation.incident_id)
    if not somebody_is_left(known):
        raise NoLevelLeft(known.incident_id)
    told = IncidentEscalated(escalation.escalated_by)
    incident, events = recorded(reopened_to_all(known), now, told, next_escalation_at=now, **NOT_HELD)
    return Change(changed(service, incident=incident), incident, events)


def on_reassignment(service: MonitoredService, reassignment: Reassignment, now: datetime) -> Change:
    """Others are due at once, from their level 1, and pages that wait are cancelled; the incident is open.

    Who they are the policy service says when they are paged.

    Raises:
        NoOpenIncident: the service is healthy.
        IncidentUnknown: another incident was meant.
    """
    known = reopened_to_all(beginning_anew(meant(service, reassignment.incident_id)))
    told = IncidentReassigned(reassignment.reassigned_by, reassignment.assignee)
    changes = {"next_escalation_at": now, "assigned_to": reassignment.assignee, **NOT_HELD}
    incident, events = recorded(known, now, told, **changes)
    return Change(changed(service, incident=incident), incident, events, stops_paging=True)


def on_assignee_unknown(service: MonitoredService, fault: str, now: datetime) -> Change:
    """There is nobody of that name: those who had the incident before are due at once, from level 1.

    Unless they stood in already: then the delay of their level goes on.
    """
    known = service.incident
    if known is None or known.assigned_to is None or not known.is_due(now):
        return Change(service, known)
    changes: dict[str, Any] = {"assigned_to": None, "acknowledgement_due_at": known.acknowledgement_due_at or now}
    due = known.acknowledgement_due_at
    if due is not None and due > now and not known.begins_anew and known.policy and not known.policy.is_catch_all:
        changes["next_escalation_at"] = due
    incident, events = recorded(known, now, AssigneeUnknown(known.assigned_to, fault), **changes)
    return Change(changed(service, incident=incident), incident, events)


def acknowledged_until(incident: Incident, now: datetime) -> datetime | None:
    """When an acknowledgement of now expires; None: never."""
    expiry = incident.policy.acknowledgement_expiry if incident.policy else None
    return now + expiry if expiry else None
