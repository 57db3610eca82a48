"""What a person does about an incident by hand, and what silence does to it: pages come later, or to somebody else.

Asked for: :class:`Snooze`, :class:`Escalation`, :class:`Reassignment`; each means the unresolved incident of its
service unless ``incident_id`` names it. Caused: lines of the timeline, as in :mod:`pager_domain.pager.events`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pager_domain.errors import InvalidField
from pager_domain.kernel import checked_id, checked_moment, checked_text

MIN_SNOOZE, MAX_SNOOZE = timedelta(minutes=1), timedelta(hours=24)
SNOOZE_LIMIT = "must be 1 minute to 24 hours"
MAX_NOTE_BYTES = 1024


def checked_acknowledgement_expiry(span: timedelta | None) -> timedelta | None:
    """``span`` if it is 1 minute to 7 days, or None: acknowledgements count for ever."""
    if span is not None and not timedelta(minutes=1) <= span <= timedelta(days=7):
        raise InvalidField("acknowledgement_expiry", "must be 1 minute to 7 days")
    return span


def checked_reopen_window(span: timedelta | None) -> timedelta | None:
    """``span`` if it is 1 second to 24 hours, or None: an incident that is resolved stays so."""
    if span is not None and not timedelta(seconds=1) <= span <= timedelta(hours=24):
        raise InvalidField("reopen_window", "must be 1 second to 24 hours")
    return span


def checked_incident_id(value: str) -> str:
    """``value`` if it is empty or an id."""
    return checked_id("incident_id", value) if value else value


@dataclass(frozen=True, slots=True)
class Snooze:
    """Somebody says: not now. Exactly one of ``duration`` and ``until`` says for how long, 1 minute to 24 hours."""

    snoozed_by: str
    duration: timedelta | None = None
    until: datetime | None = None
    note: str = ""
    incident_id: str = ""

    def __post_init__(self) -> None:
        checked_id("snoozed_by", self.snoozed_by)
        checked_text("note", self.note, MAX_NOTE_BYTES)
        checked_incident_id(self.incident_id)
        if (self.duration is None) == (self.until is None):
            raise InvalidField("duration", "is required, or until_time, and not both")
        if self.duration is not None and not MIN_SNOOZE <= self.duration <= MAX_SNOOZE:
            raise InvalidField("duration", SNOOZE_LIMIT)
        if self.until is not None:
            checked_moment("until_time", self.until)

    def end(self, now: datetime) -> datetime:
        """When it ends.

        Raises:
            InvalidField: ``until`` is nearer or farther than is allowed.
        """
        if self.duration is not None:
            return now + self.duration
        if self.until is None or not MIN_SNOOZE <= self.until - now <= MAX_SNOOZE:
            raise InvalidField("until_time", f"{SNOOZE_LIMIT} from now")
        return self.until


@dataclass(frozen=True, slots=True)
class Escalation:
    """Somebody says: tell the next level at once."""

    escalated_by: str
    incident_id: str = ""

    def __post_init__(self) -> None:
        checked_id("escalated_by", self.escalated_by)
        checked_incident_id(self.incident_id)


class AssigneeKind(StrEnum):
    """What an incident can be given to."""

    POLICY = "policy"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Assignee:
    """Whom an incident is given to: the newest revision of a policy, or one person."""

    kind: AssigneeKind
    assignee_id: str

    def __post_init__(self) -> None:
        checked_id(f"{self.kind}_id", self.assignee_id)

    def __str__(self) -> str:
        return f"{self.kind}/{self.assignee_id}"


@dataclass(frozen=True, slots=True)
class Reassignment:
    """Somebody says: this is not ours, it is theirs."""

    reassigned_by: str
    assignee: Assignee
    incident_id: str = ""

    def __post_init__(self) -> None:
        checked_id("reassigned_by", self.reassigned_by)
        checked_incident_id(self.incident_id)


@dataclass(frozen=True, slots=True)
class IncidentSnoozed:
    """Somebody put it off: until then nobody is paged."""

    snoozed_by: str
    until: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class AcknowledgementExpired:
    """The acknowledgement counts no longer: the incident is open again, and its levels begin anew."""

    acknowledged_by: str


@dataclass(frozen=True, slots=True)
class IncidentEscalated:
    """Somebody made the next level due at once."""

    escalated_by: str


@dataclass(frozen=True, slots=True)
class IncidentReassigned:
    """Somebody gave it to others, who are due at once."""

    reassigned_by: str
    assignee: Assignee


@dataclass(frozen=True, slots=True)
class AssigneeUnknown:
    """The policy service knows no such policy or person; those who had it before have it again.

    They are paged from level 1, unless they stood in meanwhile.
    """

    assignee: Assignee
    fault: str


@dataclass(frozen=True, slots=True)
class IncidentReopened:
    """An alert soon after it was resolved: it goes on, in the hands of ``acknowledged_by`` if that is not empty.

    ``next_escalation_at`` is when the next level is due, or the acknowledgement expires.
    """

    acknowledged_by: str
    next_escalation_at: datetime


@dataclass(frozen=True, slots=True)
class IncidentHeld:
    """A maintenance window lasts: until it ends nobody is paged."""

    maintenance_window_id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class IncidentReleased:
    """The maintenance window that held it was deleted: it is due at once."""

    maintenance_window_id: str
