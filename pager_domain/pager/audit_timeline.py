"""What must be true of the timeline of one incident, read line by line: when levels come, and what stops them. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from pager_domain.pager.events import (
    AlertRepeated,
    Cause,
    EscalationExhausted,
    IncidentAcknowledged,
    IncidentEvent,
    IncidentResolved,
    LevelNotified,
    LevelSkipped,
    LevelUndeliverable,
    NotificationSettled,
    PolicySource,
)
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
from pager_domain.pager.model import Incident, IncidentState

_WAITS_FOR_ITS_TIME = (LevelNotified, EscalationExhausted, AcknowledgementExpired)
_DUE_AT_ONCE = (
    LevelUndeliverable,
    EscalationExhausted,
    AcknowledgementExpired,
    IncidentEscalated,
    IncidentReassigned,
    IncidentReleased,
    AssigneeUnknown,
)
_ESCALATES = (LevelNotified, LevelSkipped, LevelUndeliverable, EscalationExhausted)


def never_early(events: Sequence[IncidentEvent]) -> Iterator[str]:
    """S6: a level comes when the delay of the one before is over, or the silence that was asked for; a policy that
    takes over, one after a level that reached nobody and one that somebody asked for may be sooner.
    """
    due: datetime | None = None
    given = stood_in = False
    for event in events:
        what, took_over = event.what, False
        given = isinstance(what, IncidentReassigned) or (given and not isinstance(what, AssigneeUnknown))
        if isinstance(what, LevelNotified):
            given = given and what.policy_source is not PolicySource.CURRENT
            stands_in = given or what.policy_source is PolicySource.CATCH_ALL
            took_over, stood_in = stood_in and not stands_in, stands_in
        if isinstance(what, _WAITS_FOR_ITS_TIME) and due is not None and event.at < due and not took_over:
            yield f"line {event.sequence} came at {event.at}, due was {due}"
        due = _due_after(what, due)


def _due_after(what: Cause, due: datetime | None) -> datetime | None:
    """When the next level is due at the earliest, or the acknowledgement expires; None: at once."""
    match what:
        case IncidentSnoozed(until=moment) | IncidentHeld(until=moment) | IncidentAcknowledged(expires_at=moment):
            return moment
        case LevelNotified(next_escalation_at=moment) | IncidentReopened(next_escalation_at=moment):
            return moment
    return None if isinstance(what, _DUE_AT_ONCE) else due


def answers_stop_it(incident: Incident, events: Sequence[IncidentEvent]) -> Iterator[str]:
    """S7: after an answer that counts no level fires; each answer is given once, but for one that ends a hold, and
    nothing but ends of pages follows the last.
    """
    state, is_held = IncidentState.OPEN, False
    for event in events:
        what = event.what
        if isinstance(what, _ESCALATES) and state is not IncidentState.OPEN:
            yield f"line {event.sequence} escalates after the answer"
        elif isinstance(what, IncidentAcknowledged) and state is not IncidentState.OPEN and not is_held:
            yield f"line {event.sequence} acknowledges again"
        elif isinstance(what, AcknowledgementExpired) and state is not IncidentState.ACKNOWLEDGED:
            yield f"line {event.sequence} ends an acknowledgement that nobody made"
        elif isinstance(what, IncidentReopened) and state is not IncidentState.RESOLVED:
            yield f"line {event.sequence} reopens what was not resolved"
        elif state is IncidentState.RESOLVED and not isinstance(what, NotificationSettled | IncidentReopened):
            yield f"line {event.sequence} comes after the end"
        state = _state_after(what, state)
        if not isinstance(what, NotificationSettled | AlertRepeated):
            is_held = isinstance(what, IncidentSnoozed | IncidentHeld)
    if incident.state is not state:
        yield f"the incident is {incident.state}, its timeline says {state}"


def is_exhausted(events: Sequence[IncidentEvent]) -> bool:
    """Whether nobody is left, and nothing was said since that makes the levels begin anew."""
    exhausted = False
    for event in events:
        match event.what:
            case EscalationExhausted():
                exhausted = True
            case IncidentSnoozed() | AcknowledgementExpired() | IncidentReassigned() | IncidentReopened():
                exhausted = False
            case IncidentAcknowledged(expires_at=expires_at) if expires_at is not None:
                exhausted = False
    return exhausted


def _state_after(what: Cause, state: IncidentState) -> IncidentState:
    match what:
        case IncidentAcknowledged():
            return IncidentState.ACKNOWLEDGED
        case AcknowledgementExpired() | IncidentEscalated() | IncidentReassigned():
            return IncidentState.OPEN
        case IncidentReopened(acknowledged_by=who):
            return IncidentState.ACKNOWLEDGED if who else IncidentState.OPEN
        case IncidentResolved():
            return IncidentState.RESOLVED
    return state
