"""What must be true of the timeline of one incident, read line by line: when levels come, and what stops them. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from pager_domain.pager.events import (
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
    IncidentReassigned,
    IncidentSnoozed,
)
from pager_domain.pager.model import Incident, IncidentState

_ESCALATES = (LevelNotified, LevelSkipped, LevelUndeliverable, EscalationExhausted)


def never_early(events: Sequence[IncidentEvent]) -> Iterator[str]:
    """S6: a level comes when the delay of the one before is over, or the silence that was asked for; a policy that
    takes over, one after a level that reached nobody and one that somebody asked for may be sooner.
    """
    due: datetime | None = None
    given = stood_in = False
    for event in events:
        match event.what:
            case LevelUndeliverable() | IncidentEscalated():
                due = None
            case IncidentReassigned() | AssigneeUnknown() as what:
                due, given = None, isinstance(what, IncidentReassigned)
            case IncidentSnoozed(until=until):
                due = until
            case IncidentAcknowledged(expires_at=expires_at):
                due = expires_at
            case EscalationExhausted() | AcknowledgementExpired():
                if due is not None and event.at < due:
                    yield f"line {event.sequence} came at {event.at}, due was {due}"
                due = None
            case LevelNotified(next_escalation_at=following, policy_source=source):
                given = given and source is not PolicySource.CURRENT
                stands_in = given or source is PolicySource.CATCH_ALL
                if due is not None and event.at < due and not (stood_in and not stands_in):
                    yield f"line {event.sequence} came at {event.at}, due was {due}"
                due, stood_in = following, stands_in


def answers_stop_it(incident: Incident, events: Sequence[IncidentEvent]) -> Iterator[str]:
    """S7: after an answer that counts no level fires; each answer is given once, and nothing but ends of pages follows
    the last.
    """
    state = IncidentState.OPEN
    for event in events:
        what = event.what
        if isinstance(what, _ESCALATES) and state is not IncidentState.OPEN:
            yield f"line {event.sequence} escalates after the answer"
        elif isinstance(what, IncidentAcknowledged) and state is not IncidentState.OPEN:
            yield f"line {event.sequence} acknowledges again"
        elif isinstance(what, AcknowledgementExpired) and state is not IncidentState.ACKNOWLEDGED:
            yield f"line {event.sequence} ends an acknowledgement that nobody made"
        elif state is IncidentState.RESOLVED and not isinstance(what, NotificationSettled):
            yield f"line {event.sequence} comes after the end"
        state = _state_after(what, state)
    if incident.state is not state:
        yield f"the incident is {incident.state}, its timeline says {state}"


def is_exhausted(events: Sequence[IncidentEvent]) -> bool:
    """Whether nobody is left, and nothing was said since that makes the levels begin anew."""
    exhausted = False
    for event in events:
        match event.what:
            case EscalationExhausted():
                exhausted = True
            case IncidentSnoozed() | AcknowledgementExpired() | IncidentReassigned():
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
        case IncidentResolved():
            return IncidentState.RESOLVED
    return state
