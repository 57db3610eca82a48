"""What happens to a monitored service, and what that causes.

Incoming: :class:`Alert`, :class:`Acknowledgement`, :class:`HealthyEvent`, :class:`Timeout`. Caused: everything that an
:class:`IncidentEvent` can hold. Events are frozen and only ever added; together they are the timeline.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from pager_domain.errors import InvalidField
from pager_domain.kernel import MAX_ID_BYTES, MonitoredServiceId, checked_id, checked_moment, checked_text
from pager_domain.pager.interventions import (
    AcknowledgementExpired,
    AssigneeUnknown,
    IncidentEscalated,
    IncidentHeld,
    IncidentReassigned,
    IncidentReleased,
    IncidentReopened,
    IncidentSnoozed,
)
from pager_domain.pager.targets import NotifiedTarget, PlannedTarget, UnreachedTarget
from pager_domain.values import value

IncidentId = NewType("IncidentId", str)
NotificationId = NewType("NotificationId", str)

MAX_MESSAGE_BYTES = 1024
MAX_DETAILS_BYTES = 16 * 1024
MAX_LINKS = 16
MAX_URL_BYTES = 2048


class Severity(StrEnum):
    """The caller's word for how bad it is. Every severity pages."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


MOST_SEVERE_FIRST = (Severity.CRITICAL, Severity.ERROR, Severity.WARNING, Severity.INFO)
"""The order in which what is due together is served."""


@dataclass(frozen=True, slots=True)
class Link:
    """A page that helps whoever answers."""

    url: str
    text: str = ""

    def __post_init__(self) -> None:
        checked_text("url", self.url, MAX_URL_BYTES, required=True)
        if not self.url.startswith(("http://", "https://")) or any(sign.isspace() for sign in self.url):
            raise InvalidField("url", "must be an http or https address without spaces")
        checked_text("text", self.text, MAX_ID_BYTES)


@value
class Alert:
    """Somebody says: this service is broken."""

    message: str
    severity: Severity = Severity.CRITICAL
    dedup_key: str = ""
    details: str = ""
    links: tuple[Link, ...] = ()
    occurred_at: datetime | None = None

    def __post_init__(self) -> None:
        checked_text("message", self.message, MAX_MESSAGE_BYTES, required=True)
        if self.dedup_key:
            checked_id("dedup_key", self.dedup_key)
        if self.details:
            checked_text("details", self.details, MAX_DETAILS_BYTES)
        if len(self.links) > MAX_LINKS:
            raise InvalidField("links", f"must be at most {MAX_LINKS}")
        if self.occurred_at is not None:
            checked_moment("occur_time", self.occurred_at)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody says: I have it. Without ``incident_id`` the open incident is meant."""

    acknowledged_by: str
    note: str = ""
    incident_id: IncidentId | None = None

    def __post_init__(self) -> None:
        checked_id("acknowledged_by", self.acknowledged_by)
        checked_text("note", self.note, MAX_MESSAGE_BYTES)
        if self.incident_id is not None:
            checked_id("incident_id", self.incident_id)


@dataclass(frozen=True, slots=True)
class HealthyEvent:
    """Somebody says: the service is fine again."""

    dedup_key: str = ""

    def __post_init__(self) -> None:
        if self.dedup_key:
            checked_id("dedup_key", self.dedup_key)


@dataclass(frozen=True, slots=True)
class Timeout:
    """The acknowledgement delay of an incident has run out."""

    at: datetime


class PolicySource(StrEnum):
    """Where the policy of a firing came from."""

    CURRENT = "current"
    LAST_KNOWN = "last_known"
    CATCH_ALL = "catch_all"


class Outcome(StrEnum):
    """How a page ended. MERGED: it was named or counted in a bundle that was handed off."""

    HANDED_OFF = "handed_off"
    MERGED = "merged"
    UNDELIVERABLE = "undeliverable"
    CANCELLED = "cancelled"
    IN_DOUBT = "in_doubt"


@value
class IncidentOpened:
    """An alert on a Healthy service."""

    alert: Alert


@value
class AlertRepeated:
    """An alert on an Unhealthy service; nobody was notified. ``repeats`` equal ones that came together are one line."""

    alert: Alert
    alert_count: int
    repeats: int = 1


@value
class LevelNotified:
    """All targets of a level were notified, but the ``unreached``.

    ``policy_fault`` says why ``policy_source`` is not CURRENT.
    """

    cycle: int
    level: int
    targets: tuple[PlannedTarget, ...]
    acknowledgement_timeout: timedelta
    next_escalation_at: datetime
    policy_id: str
    policy_revision: int
    policy_source: PolicySource
    policy_fault: str = ""
    unreached: tuple[UnreachedTarget, ...] = ()


@dataclass(frozen=True, slots=True)
class LevelSkipped:
    """Nobody could be reached at a level; the next one was due at once."""

    cycle: int
    level: int
    unreached: tuple[UnreachedTarget, ...] = ()


@dataclass(frozen=True, slots=True)
class LevelUndeliverable:
    """No page of a level could be handed off; the next level was due at once."""

    cycle: int
    level: int


@dataclass(frozen=True, slots=True)
class EscalationExhausted:
    """All levels and repeats were notified and nobody answered."""

    cycle: int


@dataclass(frozen=True, slots=True)
class IncidentAcknowledged:
    """Somebody has it; for ever, unless it ``expires_at``."""

    acknowledged_by: str
    note: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IncidentResolved:
    """The service is healthy again."""


@value
class NotificationSettled:
    """One page reached its end. ``bundle_id`` names the message in which it went together with others.

    ``step`` counts the pages of its level by the same way from 0; ``before_due``: it was cancelled before its time.
    """

    notification_id: NotificationId
    target: NotifiedTarget
    cycle: int
    level: int
    outcome: Outcome
    provider: str = ""
    provider_message_id: str = ""
    reason: str = ""
    possibly_duplicated: bool = False
    bundle_id: str = ""
    step: int = 0
    before_due: bool = False


Cause = (
    IncidentOpened
    | AlertRepeated
    | LevelNotified
    | LevelSkipped
    | LevelUndeliverable
    | EscalationExhausted
    | IncidentAcknowledged
    | AcknowledgementExpired
    | IncidentSnoozed
    | IncidentEscalated
    | IncidentReassigned
    | IncidentReopened
    | IncidentHeld
    | IncidentReleased
    | AssigneeUnknown
    | IncidentResolved
    | NotificationSettled
)


@value
class IncidentEvent:
    """One line of the timeline; ``sequence`` counts from 1 within the incident, without a gap."""

    monitored_service_id: MonitoredServiceId
    incident_id: IncidentId
    sequence: int
    at: datetime
    what: Cause
