"""What happens to a monitored service, and what that causes.

Incoming: :class:`Alert`, :class:`Acknowledgement`, :class:`HealthyEvent`, :class:`Timeout`. Caused: everything that an
:class:`IncidentEvent` can hold. Events are frozen and only ever added; together they are the timeline.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType

from pager_domain.errors import InvalidField
from pager_domain.kernel import MAX_ID_BYTES, MonitoredServiceId, TargetId, checked_id, checked_moment, checked_text
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


@dataclass(frozen=True, slots=True)
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


class Channel(StrEnum):
    """The way a page takes."""

    EMAIL = "email"
    SMS = "sms"


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


class UnreachedReason(StrEnum):
    """Why nobody is reached at a target. UNKNOWN: in a way that this version does not know."""

    UNKNOWN = "unknown"
    NOBODY_ON_CALL = "nobody_on_call"
    NO_VERIFIED_CONTACT_METHOD = "no_verified_contact_method"
    PERSON_UNKNOWN = "person_unknown"
    SCHEDULE_UNKNOWN = "schedule_unknown"
    NOT_ITS_TURN = "not_its_turn"


@dataclass(frozen=True, slots=True)
class NotifiedTarget:
    """Whom a page goes to and how, without the address; of a plain address person and contact method are empty."""

    target_id: TargetId
    channel: Channel
    person_id: str = ""
    contact_method_id: str = ""


@dataclass(frozen=True, slots=True)
class PlannedTarget:
    """One way in which a level pages one of its targets: so long after it was notified, the first page first.

    Without ``delays`` it is one page at once. The other ids say why this person: who is on call there.
    """

    target_id: TargetId
    channel: Channel
    person_id: str = ""
    contact_method_id: str = ""
    delays: tuple[timedelta, ...] = ()
    schedule_id: str = ""
    layer_id: str = ""
    override_id: str = ""

    @property
    def notified(self) -> NotifiedTarget:
        """Whom its pages go to."""
        return NotifiedTarget(self.target_id, self.channel, self.person_id, self.contact_method_id)


@dataclass(frozen=True, slots=True)
class UnreachedTarget:
    """A target at which nobody can be reached, and why."""

    target_id: TargetId
    reason: UnreachedReason
    person_id: str = ""
    schedule_id: str = ""

    def __post_init__(self) -> None:
        checked_id("target_id", self.target_id)
        for field in ("person_id", "schedule_id"):
            checked_text(field, getattr(self, field), MAX_ID_BYTES)


@dataclass(frozen=True, slots=True)
class IncidentOpened:
    """An alert on a Healthy service."""

    alert: Alert


@dataclass(frozen=True, slots=True)
class AlertRepeated:
    """An alert on an Unhealthy service; nobody was notified. ``repeats`` equal ones that came together are one line."""

    alert: Alert
    alert_count: int
    repeats: int = 1


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """One line of the timeline; ``sequence`` counts from 1 within the incident, without a gap."""

    monitored_service_id: MonitoredServiceId
    incident_id: IncidentId
    sequence: int
    at: datetime
    what: Cause
