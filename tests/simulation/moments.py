"""What the timeline of an incident says about time: when what comes next is due, and which answer stops which page."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

from simulation.history import Call, History

from pager_domain.pager.audit import IncidentRecord, PageRecord
from pager_domain.pager.events import (
    EscalationExhausted,
    IncidentAcknowledged,
    IncidentEvent,
    IncidentResolved,
    LevelNotified,
    LevelUndeliverable,
)
from pager_domain.pager.interventions import (
    AcknowledgementExpired,
    IncidentEscalated,
    IncidentHeld,
    IncidentReassigned,
    IncidentReleased,
    IncidentReopened,
    IncidentSnoozed,
)

_ANSWERS = ("acknowledge", "healthy", "snooze", "reassign")
_SILENCES = (IncidentAcknowledged, IncidentResolved, IncidentSnoozed, IncidentReassigned, IncidentHeld)
_DUE_AT_ONCE = (
    AcknowledgementExpired,
    IncidentEscalated,
    IncidentReassigned,
    IncidentReleased,
    LevelUndeliverable,
)


@dataclass(frozen=True)
class Bounds:
    """What the liveness promises allow, in seconds."""

    after_answer: float = 5.0
    first_page: float = 5.0
    lateness: float = 2.0
    recovery: float = 15.0
    burst: int = 6
    interval: float = 10.0
    """A recipient who gets more than a burst waits so long for the next message."""
    holds_back: tuple[str, ...] = ()
    """How faults are called that hold a message back on its way: what they held may leave so much after they end."""


def deadlines(
    record: IncidentRecord, first_hand_off: dict[str, float], bounds: Bounds
) -> Iterator[tuple[str, float, float, float]]:
    """(what, due, done, bound) of the first page, of each level, and of each acknowledgement that expires."""
    due: datetime | None = record.incident.opened_at
    for event in record.events:
        if due is not None and (what := _awaited(event)):
            yield what, due.timestamp(), event.at.timestamp(), bounds.lateness
        due = _due_after(event, due)
    loud = _fired_before_any_silence(record)
    first = [p for p in record.pages if (p.notification.cycle, p.notification.level) in loud]
    if taken := [first_hand_off[message] for message in map(message_of, first) if message in first_hand_off]:
        yield "the first page", record.incident.opened_at.timestamp(), min(taken), bounds.first_page


def _awaited(event: IncidentEvent) -> str:
    match event.what:
        case LevelNotified(cycle=cycle, level=level):
            return f"level {level} of cycle {cycle}"
        case AcknowledgementExpired():
            return "the end of an acknowledgement"
    return ""


def _due_after(event: IncidentEvent, due: datetime | None) -> datetime | None:
    """When the next level, or the end of an acknowledgement, is due after ``event``; None: never."""
    match event.what:
        case IncidentSnoozed(until=moment) | IncidentHeld(until=moment) | IncidentAcknowledged(expires_at=moment):
            return moment
        case LevelNotified(next_escalation_at=moment) | IncidentReopened(next_escalation_at=moment):
            return moment
        case IncidentResolved() | EscalationExhausted():
            return None
    return event.at if isinstance(event.what, _DUE_AT_ONCE) else due


def answers_to_pages(record: IncidentRecord, history: History) -> Iterator[tuple[PageRecord, float]]:
    """Each page with the moment at which an answer that stops it was heard; infinite: nobody answered.

    Where levels come again after an answer, only an answer that was given after its level concerns a page.
    """
    incident_id = record.incident.incident_id
    answers = [
        (_first_asked(call, history), call.ended)
        for call in history.calls
        if call.operation in _ANSWERS and call.incident_id == incident_id and call.outcome == "ok" and call.changed
    ]
    comes_again = _comes_again(record)
    fired = _fired(record)
    clocks_differ = any(fault.what.startswith("clock") for fault in history.faults)
    for page in record.pages:
        since = fired.get((page.notification.cycle, page.notification.level), -math.inf) if comes_again else -math.inf
        known = [] if comes_again and clocks_differ else answers
        yield page, min((heard for asked, heard in known if asked >= since), default=math.inf)


def _first_asked(answer: Call, history: History) -> float:
    """Of an answer to a repeat the moment of the first request, which may be what counted."""
    same = (
        call.began
        for call in history.calls
        if call.request_id and (call.operation, call.request_id) == (answer.operation, answer.request_id)
    )
    return min(same, default=answer.began)


def _comes_again(record: IncidentRecord) -> bool:
    return _fired(record).keys() != _fired_before_any_silence(record)


def _fired(record: IncidentRecord) -> dict[tuple[int, int], float]:
    levels = [(event.what, event.at.timestamp()) for event in record.events if isinstance(event.what, LevelNotified)]
    return {(what.cycle, what.level): at for what, at in levels}


def _fired_before_any_silence(record: IncidentRecord) -> set[tuple[int, int]]:
    loud = takewhile(lambda event: not isinstance(event.what, _SILENCES), record.events)
    return {(event.what.cycle, event.what.level) for event in loud if isinstance(event.what, LevelNotified)}


def message_of(page: PageRecord) -> str:
    """The id under which a page was handed over: its own, or that of its bundle."""
    return page.bundle_id or page.notification.notification_id
