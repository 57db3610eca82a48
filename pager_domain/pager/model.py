"""MonitoredService, Incident and EscalationPolicy: what is, as frozen values, and what a rule decides about it.

The rules that change them stand in :mod:`pager_domain.pager.service`.
"""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pager_domain.errors import InvalidField
from pager_domain.kernel import (
    MAX_LEVELS,
    MonitoredServiceId,
    checked_id,
    checked_repeat_count,
)
from pager_domain.pager.events import (
    Acknowledgement,
    Alert,
    Cause,
    HealthyEvent,
    IncidentEvent,
    IncidentId,
    PolicySource,
)
from pager_domain.pager.interventions import (
    Assignee,
    Escalation,
    Reassignment,
    Snooze,
    checked_acknowledgement_expiry,
    checked_reopen_window,
)
from pager_domain.pager.levels import EmptyLevel, LaterLevel, ResolvedLevel
from pager_domain.pager.notification import Notification
from pager_domain.values import changed, value


class ServiceState(StrEnum):
    """Whether a service works."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class IncidentState(StrEnum):
    """How far an incident has come."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@value
class EscalationPolicy:
    """The levels of one revision of a policy, as the pager acts on them. The catch-all has no id and revision 0.

    ``later`` is how they will change, the earliest first, as far as that was foretold.
    """

    policy_id: str
    revision: int
    levels: tuple[ResolvedLevel | EmptyLevel, ...]
    repeat_count: int = 0
    acknowledgement_expiry: timedelta | None = None
    reopen_window: timedelta | None = None
    later: tuple[LaterLevel, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.levels) <= MAX_LEVELS:
            raise InvalidField("levels", f"must be 1 to {MAX_LEVELS}")
        if all(isinstance(level, EmptyLevel) for level in self.levels):
            raise InvalidField("levels", "must name somebody")
        checked_repeat_count(self.repeat_count)
        checked_acknowledgement_expiry(self.acknowledgement_expiry)
        checked_reopen_window(self.reopen_window)
        if any(not 1 <= change.number <= len(self.levels) for change in self.later):
            raise InvalidField("later", "must change levels that there are")

    @property
    def is_catch_all(self) -> bool:
        """Whether this is the configured last resort."""
        return not self.policy_id

    @property
    def key(self) -> tuple[str, int]:
        """What names it: its id and revision."""
        return self.policy_id, self.revision

    @property
    def is_readable(self) -> bool:
        """Whether the key is here with which its addresses were stored."""
        levels = (*self.levels, *(change.level for change in self.later))
        return all(
            target.is_readable for level in levels if isinstance(level, ResolvedLevel) for target in level.targets
        )


@value
class ResolvedPolicy:
    """The policy to act on now, where it came from, and why it is not the current one.

    ``ask_again_after`` is set while the catch-all stands in for a policy that may be had soon.
    """

    policy: EscalationPolicy
    source: PolicySource
    fault: str = ""
    ask_again_after: timedelta | None = None


@value
class Incident:
    """What an alert opens on a Healthy service, until it is healthy again.

    ``cycle`` and ``level`` count from 1 and are 0 before the first page. ``acknowledgement_due_at`` is when the delay
    of the notified level ends; ``next_escalation_at`` when the pager must act next, of an acknowledged incident when
    the acknowledgement expires. While it is held nobody is paged, and ``held_until`` is that moment too;
    ``held_by_window`` names the maintenance window that holds it, unless somebody snoozed it.
    ``assigned_to`` is whom the next page is for, until the policy service has said who that is.
    ``traceparent`` names the trace of the request that made it due last, empty if nobody traces; no rule looks into it.
    ``policy_since_cycle`` is the first cycle that counts against the repeats of its policy; while it is greater than
    ``cycle``, the next firing begins a new cycle at level 1.
    """

    incident_id: IncidentId
    monitored_service_id: MonitoredServiceId
    alert: Alert
    opened_at: datetime
    state: IncidentState = IncidentState.OPEN
    alert_count: int = 1
    cycle: int = 0
    level: int = 0
    next_escalation_at: datetime | None = None
    acknowledgement_due_at: datetime | None = None
    exhausted: bool = False
    policy: EscalationPolicy | None = None
    policy_since_cycle: int = 1
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    acknowledge_note: str = ""
    resolved_at: datetime | None = None
    event_count: int = 0
    generation: int = 0
    held_until: datetime | None = None
    held_by_window: str = ""
    assigned_to: Assignee | None = None
    reopen_until: datetime | None = None
    traceparent: str = ""

    @property
    def is_open(self) -> bool:
        """Whether nobody has answered yet."""
        return self.state is IncidentState.OPEN

    def is_due(self, now: datetime) -> bool:
        """Whether the pager must act on it at ``now``."""
        return self.next_escalation_at is not None and self.next_escalation_at <= now

    @property
    def is_untouched(self) -> bool:
        """Whether it was opened, and nothing has happened to it since."""
        return self.generation == 1

    @property
    def begins_anew(self) -> bool:
        """Whether the next level is the first one of a new cycle, whatever is left of this one."""
        return self.policy_since_cycle > self.cycle


@value
class FormerIncident:
    """The resolved incident that an alert continues until its ``reopen_until``.

    ``reached_somebody``: of the level notified last a page was handed off, or may still be.
    """

    incident: Incident
    reached_somebody: bool


@value
class MonitoredService:
    """A service under watch, and its incident that is not resolved; or the former one, while that can be reopened."""

    monitored_service_id: MonitoredServiceId
    created_at: datetime
    updated_at: datetime
    incident: Incident | None = None
    former: FormerIncident | None = None

    @property
    def state(self) -> ServiceState:
        """Healthy exactly when it has no unresolved incident."""
        return ServiceState.HEALTHY if self.incident is None else ServiceState.UNHEALTHY


@value
class Change:
    """What a rule decided: the service as it will be, the incident concerned, and what goes with it.

    ``stops_paging`` asks for the pages that are still waiting to be cancelled.
    """

    service: MonitoredService
    incident: Incident | None = None
    events: tuple[IncidentEvent, ...] = ()
    notifications: tuple[Notification, ...] = ()
    stops_paging: bool = False


@value
class Request:
    """One call: an event for one service, and the id under which a repeat is recognised.

    What follows from it belongs to the trace that ``traceparent`` names; empty: to none.
    """

    monitored_service_id: MonitoredServiceId
    event: Alert | Acknowledgement | HealthyEvent | Snooze | Escalation | Reassignment
    request_id: str = ""
    traceparent: str = ""

    def __post_init__(self) -> None:
        checked_id("monitored_service_id", self.monitored_service_id)
        if self.request_id:
            checked_id("request_id", self.request_id)

    @property
    def fingerprint(self) -> str:
        """The same for equal content: 32 hexadecimal digits."""
        return hashlib.blake2b(repr(self.event).encode(), digest_size=16).hexdigest()


@value
class Answer:
    """What a request did. ``changed`` is what the response calls opened, acknowledged, resolved and so on.

    Of a repeated alert ``alert_count`` is exact, and ``incident`` is as it was before the repeats that came together.
    """

    service: MonitoredService
    incident: Incident | None
    changed: bool
    alert_count: int = 0


@value
class StoredAnswer:
    """What is kept of an answer so that a repeat of the request gets it again."""

    monitored_service_id: MonitoredServiceId
    request_id: str
    fingerprint: str
    incident_id: IncidentId | None
    changed: bool
    alert_count: int


def recorded(
    incident: Incident, now: datetime, *causes: Cause, **changes: Any
) -> tuple[Incident, tuple[IncidentEvent, ...]]:
    """``incident`` with ``changes`` made and ``causes`` added to its timeline, and the new lines."""
    lines = tuple(
        IncidentEvent(incident.monitored_service_id, incident.incident_id, incident.event_count + n, now, cause)
        for n, cause in enumerate(causes, start=1)
    )
    events, generation = incident.event_count + len(causes), incident.generation + 1
    return changed(incident, event_count=events, generation=generation, **changes), lines
