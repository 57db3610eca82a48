"""Reopening: an alert soon after the service was healthy again continues the incident of before. Pure."""

from datetime import datetime, timedelta

from pager_domain.pager.cycles import beginning_anew, somebody_is_left
from pager_domain.pager.events import Alert, AlertRepeated
from pager_domain.pager.interventions import IncidentReopened
from pager_domain.pager.model import Change, FormerIncident, Incident, IncidentState, MonitoredService, recorded
from pager_domain.values import changed

FORGOTTEN_AFTER = timedelta(minutes=30)
"""How long the acknowledgement of a reopened incident counts where the policy lets it count for ever."""


def reopens_until(incident: Incident, now: datetime) -> datetime | None:
    """Until when an alert continues ``incident``, which is resolved ``now``; None: it does not."""
    window = incident.policy.reopen_window if incident.policy else None
    return now + window if window else None


def comes_next_at(incident: Incident) -> datetime | None:
    """When the next level of ``incident``, which is resolved now, would have come; for an alert that reopens it.

    The end of a window is none of its delays: such an alert asks which windows last then.
    """
    if incident.held_by_window:
        return None
    return incident.acknowledgement_due_at or (incident.next_escalation_at if incident.is_open else None)


def on_reopening(service: MonitoredService, former: FormerIncident, alert: Alert, now: datetime) -> Change:
    """The former incident goes on: whoever had it still has it, and pages that were made are not made again.

    An acknowledgement counts for as long as the policy says from now on, or 30 minutes, so that nobody forgets it.
    Without one the next level comes when it would have come. If nobody is left to be paged after the last level, or
    the last pages never went out, the levels begin anew at once: somebody hears of this alert.
    """
    known = former.incident
    if known.acknowledged_by:
        expiry = (known.policy.acknowledgement_expiry if known.policy else None) or FORGOTTEN_AFTER
        incident = changed(known, state=IncidentState.ACKNOWLEDGED, next_escalation_at=now + expiry, exhausted=False)
    elif not somebody_is_left(known) or not former.reached_somebody:
        anew = beginning_anew(known)
        incident = changed(anew, state=IncidentState.OPEN, next_escalation_at=now, acknowledgement_due_at=None)
    else:
        due = max(known.acknowledgement_due_at or now, now)
        # What comes then comes because of this alert, so it must not find that nobody is on call any more.
        incident = changed(known, state=IncidentState.OPEN, next_escalation_at=due, acknowledgement_due_at=None)
    return _continued(service, incident, alert, now)


def _continued(service: MonitoredService, incident: Incident, alert: Alert, now: datetime) -> Change:
    count = incident.alert_count + 1
    told = IncidentReopened(incident.acknowledged_by, incident.next_escalation_at or now)
    changes = {"alert_count": count, "resolved_at": None, "reopen_until": None}
    incident, events = recorded(incident, now, told, AlertRepeated(alert, count), **changes)
    return Change(changed(service, incident=incident, former=None, updated_at=now), incident, events)
