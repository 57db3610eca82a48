"""Maintenance windows: while one lasts, its services page nobody; what is broken at its end pages then. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import NewType

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId, checked_id, checked_text
from pager_domain.pager.interventions import IncidentHeld, IncidentReleased
from pager_domain.pager.model import Change, Incident, IncidentState, MonitoredService, recorded
from pager_domain.pager.silence import held
from pager_domain.values import changed
from pager_domain.wall_time import checked_calendar_moment, first_moment, on_the_wall, zone_named

MaintenanceWindowId = NewType("MaintenanceWindowId", str)

MAX_SERVICES = 100
MAX_REASON_BYTES = 1024
MIN_LENGTH, MAX_LENGTH, MAX_ONE_OFF = timedelta(minutes=1), timedelta(hours=24), timedelta(days=30)
DAYS_OF_WEEK = frozenset(range(1, 8))
"""As in ISO 8601: 1 is Monday."""

Span = tuple[datetime, datetime]
"""A start, and the first moment after it that does not belong to it."""


@dataclass(frozen=True, slots=True)
class OneOff:
    """From ``start`` to ``end``, once."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        checked_calendar_moment("start_time", self.start)
        checked_calendar_moment("end_time", self.end)
        if not MIN_LENGTH <= self.end - self.start <= MAX_ONE_OFF:
            raise InvalidField("end_time", "must be 1 minute to 30 days after start_time")

    def occurrence(self, at: datetime) -> Span | None:
        """When it lasts ``at`` this moment, or later."""
        return (self.start, self.end) if at < self.end else None


@dataclass(frozen=True, slots=True)
class Recurring:
    """Each day, or on these ``days`` of the week, when the clock on the wall shows ``start``; for ``length``."""

    start: time
    length: timedelta
    time_zone: str
    days: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        zone_named(self.time_zone)
        if self.start.tzinfo is not None or self.start.second or self.start.microsecond:
            raise InvalidField("start_local_time", "must be a local time like 02:30")
        if not MIN_LENGTH <= self.length <= MAX_LENGTH:
            raise InvalidField("length", "must be 1 minute to 24 hours")
        if not self.days <= DAYS_OF_WEEK:
            raise InvalidField("days", "must be days of the week")

    def occurrence(self, at: datetime) -> Span | None:
        """The one that lasts ``at`` this moment, or the next."""
        zone = zone_named(self.time_zone)
        # The one that still lasts began at most a day before, or two where a clock change lies between.
        first = on_the_wall(at, zone).date() - timedelta(days=2)
        for date in (first + timedelta(days=n) for n in range(11)):
            if self.days and date.isoweekday() not in self.days:
                continue
            start = first_moment(datetime.combine(date, self.start), zone)
            if at < start + self.length:
                return start, start + self.length
        return None


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """One for ``services``, 1 to 100 of them, that pages nobody while an occurrence of ``when`` lasts."""

    window_id: MaintenanceWindowId
    services: tuple[MonitoredServiceId, ...]
    when: OneOff | Recurring
    created_by: str
    reason: str = ""

    def __post_init__(self) -> None:
        if not 1 <= len(self.services) <= MAX_SERVICES:
            raise InvalidField("monitored_service_ids", f"must be 1 to {MAX_SERVICES}")
        for n, service in enumerate(self.services):
            checked_id(f"monitored_service_ids[{n}]", service)
        if len(set(self.services)) < len(self.services):
            raise InvalidField("monitored_service_ids", "must not name the same service twice")
        checked_id("created_by", self.created_by)
        checked_text("reason", self.reason, MAX_REASON_BYTES)

    def lasts_until(self, now: datetime) -> datetime | None:
        """When the occurrence ends that lasts ``now``; None: none does."""
        found = self.when.occurrence(now)
        return found[1] if found is not None and found[0] <= now else None

    def start_after(self, now: datetime) -> datetime | None:
        """When the next occurrence starts that does not last ``now`` already; None: none will.

        Where the clock changes, the one of a whole day lasts into that of the next.
        """
        found = self.when.occurrence(now)
        while found is not None and found[0] <= now:
            found = self.when.occurrence(found[1])
        return found[0] if found is not None else None


def to_come(window: MaintenanceWindow, now: datetime) -> datetime:
    """When a window that is made ``now`` starts for the first time; the past, if it lasts already.

    Raises:
        InvalidField: it is over.
    """
    found = window.when.occurrence(now)
    if found is None:
        raise InvalidField("maintenance_window.one_off.end_time", "must be in the future")
    return found[0]


def last_to_end(windows: Iterable[MaintenanceWindow], now: datetime) -> tuple[MaintenanceWindowId, datetime] | None:
    """Of the windows that last ``now`` the one that ends last, and when that is."""
    lasting = [(until, window.window_id) for window in windows if (until := window.lasts_until(now)) is not None]
    if not lasting:
        return None
    until, window_id = max(lasting)
    return window_id, until


def on_due_in_window(
    service: MonitoredService, window_id: MaintenanceWindowId, until: datetime, now: datetime
) -> Change:
    """Instead of a page: what is due while a window lasts is held until it ends."""
    known = service.incident
    if known is None or not known.is_due(now):
        return Change(service, known)
    return _held(service, known, window_id, until, now)


def on_window_start(
    service: MonitoredService, window_id: MaintenanceWindowId, until: datetime, now: datetime
) -> Change | None:
    """Paging that is under way stops, and waits for the end of the window; None: nothing is to be stopped.

    What somebody has acknowledged, what is held already and what is exhausted is quiet as it is.
    """
    known = service.incident
    if known is None or known.state is not IncidentState.OPEN or known.held_until or known.next_escalation_at is None:
        return None
    return changed(_held(service, known, window_id, until, now), stops_paging=True)


def on_window_deleted(service: MonitoredService, now: datetime) -> Change:
    """What the window held is due at once."""
    known = service.incident
    if known is None or not known.held_by_window:
        return Change(service, known)
    released = {"next_escalation_at": now, "acknowledgement_due_at": None, "held_until": None, "held_by_window": ""}
    told = IncidentReleased(known.held_by_window)
    incident, events = recorded(known, now, told, **released)
    return Change(changed(service, incident=incident), incident, events)


def _held(
    service: MonitoredService, known: Incident, window_id: MaintenanceWindowId, until: datetime, now: datetime
) -> Change:
    until = until.astimezone(UTC)
    incident, events = recorded(held(known, until), now, IncidentHeld(window_id, until), held_by_window=window_id)
    return Change(changed(service, incident=incident), incident, events)
