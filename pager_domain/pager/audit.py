"""What must be true of one incident as the store has it, whatever happened: the promises S2 to S11 of one timeline.

Pure. The tests judge every history with it, and the auditor of the running pager what changed lately.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from pager_domain.pager.audit_timeline import answers_stop_it, is_exhausted, never_early
from pager_domain.pager.events import (
    AlertRepeated,
    EscalationExhausted,
    IncidentEvent,
    IncidentId,
    IncidentOpened,
    LevelNotified,
    LevelSkipped,
    NotificationId,
    NotificationSettled,
    Outcome,
)
from pager_domain.pager.model import Incident, IncidentState
from pager_domain.pager.notification import Notification
from pager_domain.pager.targets import NotifiedTarget

What = TypeVar("What")


@dataclass(frozen=True, slots=True)
class PageRecord:
    """A page of the outbox; ``outcome`` is None while it is still owed.

    ``bundle_id`` names the bundle that it is in, if any, and ``bundle_outcome`` how that ended; None: not yet.
    """

    notification: Notification
    outcome: Outcome | None
    bundle_id: str = ""
    bundle_outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class IncidentRecord:
    """All that the store knows of one incident, read at one moment; ``is_current``: its service names it."""

    incident: Incident
    events: tuple[IncidentEvent, ...]
    pages: tuple[PageRecord, ...]
    is_current: bool


PageKey = tuple[int, int, NotifiedTarget, int]
"""Cycle, level, to whom, and which of the pages by the same way."""


@dataclass(frozen=True, slots=True)
class PagePlan:
    """A page as its level planned it: due ``delay`` after ``notified_at``."""

    page: PageKey
    notified_at: datetime
    delay: timedelta


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that the record contradicts."""

    promise: str
    incident_id: IncidentId
    what: str

    def __str__(self) -> str:
        return f"{self.promise} {self.incident_id}: {self.what}"


def violations(record: IncidentRecord) -> list[Violation]:
    """Every promise that ``record`` breaks, each with what was found."""
    return [
        Violation(promise, record.incident.incident_id, what) for promise, check in _CHECKS for what in check(record)
    ]


def _one_current(record: IncidentRecord) -> Iterator[str]:
    resolved = record.incident.state is IncidentState.RESOLVED
    if record.is_current == resolved:
        yield f"it is {record.incident.state}, and its service {'names' if resolved else 'does not name'} it"


def _nothing_is_lost(record: IncidentRecord) -> Iterator[str]:
    """S3: what a level decided is in the outbox, once, and has one end in the timeline or still waits."""
    decided = Counter(plan.page for plan in _plans(record))
    stored = Counter(_key_of(page.notification) for page in record.pages)
    if decided != stored:
        yield f"pages decided, not stored: {list(decided - stored)}; stored, not decided: {list(stored - decided)}"
    ends: dict[NotificationId, list[NotificationSettled]] = {}
    for end in _of(record, NotificationSettled):
        ends.setdefault(end.notification_id, []).append(end)
    for page in record.pages:
        found = ends.pop(page.notification.notification_id, [])
        if [end.outcome for end in found] != ([page.outcome] if page.outcome is not None else []):
            yield f"page {page.notification.notification_id} is {page.outcome}, its lines say {found}"
        yield from _merged_into_something(page, found)
    if ends:
        yield f"ends of pages that do not exist: {sorted(ends)}"


def _merged_into_something(page: PageRecord, ends: Sequence[NotificationSettled]) -> Iterator[str]:
    """A page ends with its bundle: merged if that was handed off, and never without it."""
    if any(end.bundle_id != page.bundle_id for end in ends):
        yield f"page {page.notification.notification_id} is in bundle {page.bundle_id!r}, its lines say {ends}"
    if page.bundle_id:
        expected = Outcome.MERGED if page.bundle_outcome is Outcome.HANDED_OFF else page.bundle_outcome
        if page.outcome is not expected:
            yield f"page {page.notification.notification_id} is {page.outcome}, its bundle {page.bundle_outcome}"
    elif page.outcome is Outcome.MERGED:
        yield f"page {page.notification.notification_id} was merged into nothing"


def _levels_in_order(record: IncidentRecord) -> Iterator[str]:
    """S5: in each cycle 1, 2, 3 …, each once."""
    causes = [event.what for event in record.events]
    fired = [(what.cycle, what.level) for what in causes if isinstance(what, LevelNotified | LevelSkipped)]
    before = (0, 0)
    for step in fired:
        if step not in ((before[0], before[1] + 1), (before[0] + 1, 1)):
            yield f"cycle {step[0]} level {step[1]} follows cycle {before[0]} level {before[1]}"
        before = step
    if (record.incident.cycle, record.incident.level) != before:
        yield f"the incident stands at {(record.incident.cycle, record.incident.level)}, its timeline at {before}"


def _due_as_planned(record: IncidentRecord) -> Iterator[str]:
    """S6: a page is due when its level planned it, and sooner only where another to the same target was refused.

    When it left is no proof: between its claim and its end the clock may have been set back.
    """
    plans = {plan.page: plan for plan in _plans(record)}
    ends = {end.notification_id: (event.at, end) for event in record.events if (end := _end_of(event)) is not None}
    for page in (stored.notification for stored in record.pages if _key_of(stored.notification) in plans):
        plan = plans[_key_of(page)]
        if page.delay > plan.delay:
            yield f"page {page.notification_id} is due {page.delay} after its level, planned was {plan.delay}"
        if page.delay < plan.delay and not any(_was_refused(end, page) for _, end in ends.values()):
            yield f"page {page.notification_id} is due after {page.delay} and not {plan.delay}, and nothing was refused"
        at, end = ends.get(page.notification_id, (None, None))
        if at is not None and end is not None and end.before_due and at >= plan.notified_at + page.delay:
            yield f"page {page.notification_id} was due when it was cancelled as if it was not"


def _end_of(event: IncidentEvent) -> NotificationSettled | None:
    return event.what if isinstance(event.what, NotificationSettled) else None


def _was_refused(end: NotificationSettled, page: Notification) -> bool:
    """Whether ``end`` is that of another page of the same level to the same target, refused for good."""
    same_level = (end.cycle, end.level) == (page.cycle, page.level)
    same_target = (end.target.target_id, end.target.person_id) == (page.target.target_id, page.person_id)
    return end.outcome is Outcome.UNDELIVERABLE and same_level and same_target


def _plans(record: IncidentRecord) -> Iterator[PagePlan]:
    for event in record.events:
        if isinstance(what := event.what, LevelNotified):
            for target in what.targets:
                for step, delay in enumerate(target.delays or (timedelta(),)):
                    yield PagePlan((what.cycle, what.level, target.notified, step), event.at, delay)


def _key_of(page: Notification) -> PageKey:
    return page.cycle, page.level, page.notified, page.step


def _somebody_is_paged(record: IncidentRecord) -> Iterator[str]:
    """S9: nothing ends without a page, and an open incident is escalated again or says why not."""
    incident = record.incident
    notified = _of(record, LevelNotified)
    if any(not what.targets for what in notified):
        yield "a level was notified that names nobody"
    if not notified and _of(record, EscalationExhausted):
        yield "it is exhausted and nobody was paged"
    if incident.is_open and not incident.exhausted and incident.next_escalation_at is None:
        yield "it is open and nothing will escalate it"
    if incident.state is IncidentState.RESOLVED and incident.next_escalation_at is not None:
        yield "it is resolved and still to be escalated"
    if incident.held_until is not None and incident.held_until != incident.next_escalation_at:
        yield f"it is held until {incident.held_until} and goes on at {incident.next_escalation_at}"
    if incident.exhausted != is_exhausted(record.events):
        yield f"exhausted is {incident.exhausted}, the timeline says otherwise"


def _no_line_is_missing(record: IncidentRecord) -> Iterator[str]:
    """S10: lines count from 1 without a gap, whoever wrote them."""
    sequences = [event.sequence for event in record.events]
    if sequences != list(range(1, record.incident.event_count + 1)):
        yield f"lines {sequences}, counted {record.incident.event_count}"
    if not record.events or not isinstance(record.events[0].what, IncidentOpened):
        yield "it does not begin with its opening"


def _alerts_are_counted(record: IncidentRecord) -> Iterator[str]:
    """S11: one alert opened it, each other one is in a line that says how many it stands for, and the number so far."""
    count = 1
    for what in _of(record, AlertRepeated):
        count += what.repeats
        if what.alert_count != count or what.repeats < 1:
            yield f"a line says {what.alert_count} alerts, {what.repeats} of them its own; before there were {count}"
    if count != record.incident.alert_count:
        yield f"{count} alerts in its lines, counted {record.incident.alert_count}"


def _of(record: IncidentRecord, kind: type[What]) -> list[What]:
    return [event.what for event in record.events if isinstance(event.what, kind)]


_CHECKS: tuple[tuple[str, Callable[[IncidentRecord], Iterator[str]]], ...] = (
    ("S2", _one_current),
    ("S3", _nothing_is_lost),
    ("S5", _levels_in_order),
    ("S6", lambda record: never_early(record.events)),
    ("S6", _due_as_planned),
    ("S7", lambda record: answers_stop_it(record.incident, record.events)),
    ("S9", _somebody_is_paged),
    ("S10", _no_line_is_missing),
    ("S11", _alerts_are_counted),
)

PROMISES = tuple(dict.fromkeys(promise for promise, _ in _CHECKS))
"""The promises that :func:`violations` can find broken."""
