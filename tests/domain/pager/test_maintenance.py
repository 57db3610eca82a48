"""While a maintenance window lasts nobody is paged, and what is broken at its end pages then."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from builders import CHECKOUT, NOON, a_level, a_policy, after, an_unhealthy_service, current

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import Acknowledgement, Timeout
from pager_domain.pager.interventions import IncidentHeld, IncidentReleased, Snooze
from pager_domain.pager.levels import EmptyLevel
from pager_domain.pager.maintenance import (
    MaintenanceWindow,
    MaintenanceWindowId,
    OneOff,
    Recurring,
    last_to_end,
    on_due_in_window,
    on_window_deleted,
    on_window_start,
    to_come,
)
from pager_domain.pager.model import IncidentState
from pager_domain.pager.service import PagerService
from pager_domain.pager.silence import on_snooze

WINDOW = MaintenanceWindowId("window")
HOUR = timedelta(hours=1)
POLICY = a_policy(levels=2)


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def a_window(when=None, window_id=WINDOW, services=(CHECKOUT,)):
    return MaintenanceWindow(window_id, services, when or OneOff(NOON, after(minutes=60)), "ana", "new disks")


def causes(change):
    return [event.what for event in change.events]


def paged():
    return PagerService.on_timeout(an_unhealthy_service(), Timeout(NOON), current(POLICY)).service


def fired(service, moment):
    return PagerService.on_timeout(service, Timeout(moment), current(POLICY))


# When a window lasts


def test_a_one_off_window_lasts_from_its_start_to_its_end():
    window = a_window()
    assert window.lasts_until(after(seconds=-1)) is None
    assert window.lasts_until(NOON) == after(minutes=60)
    assert window.lasts_until(after(minutes=60)) is None
    assert (window.start_after(after(minutes=-1)), window.start_after(NOON)) == (NOON, None)


def test_a_daily_window_lasts_each_day_by_the_clock_on_the_wall():
    window = a_window(Recurring(time(2, 30), HOUR, "Europe/Berlin"))
    assert window.lasts_until(utc(2026, 1, 10, 1, 30)) == utc(2026, 1, 10, 2, 30)
    assert window.lasts_until(utc(2026, 7, 10, 0, 30)) == utc(2026, 7, 10, 1, 30)
    assert window.lasts_until(utc(2026, 7, 10, 1, 30)) is None
    assert window.start_after(utc(2026, 7, 10, 0, 45)) == utc(2026, 7, 11, 0, 30)


def test_a_weekly_window_lasts_on_its_days():
    window = a_window(Recurring(time(22), timedelta(hours=8), "UTC", frozenset({6, 7})))  # Saturday and Sunday
    assert window.lasts_until(utc(2026, 3, 6, 23)) is None
    assert window.lasts_until(utc(2026, 3, 7, 23)) == utc(2026, 3, 8, 6)
    assert window.lasts_until(utc(2026, 3, 9, 5, 59)) == utc(2026, 3, 9, 6)
    assert window.start_after(utc(2026, 3, 9, 6)) == utc(2026, 3, 14, 22)


def test_at_a_clock_change_a_skipped_time_is_the_change_and_a_doubled_one_its_first_occurrence():
    window = a_window(Recurring(time(2, 30), HOUR, "Europe/Berlin"))
    assert window.start_after(utc(2026, 3, 28, 12)) == utc(2026, 3, 29, 1)
    assert window.start_after(utc(2026, 10, 24, 12)) == utc(2026, 10, 25, 0, 30)


def test_a_whole_day_every_day_has_no_gap():
    window = a_window(Recurring(time(0), timedelta(hours=24), "UTC"))
    for hours in range(0, 24 * 9, 5):
        assert window.lasts_until(utc(2026, 3, 1) + timedelta(hours=hours)) is not None


def test_a_whole_day_that_a_clock_change_makes_reach_into_the_next_starts_again_on_the_day_after():
    window = a_window(Recurring(time(12), timedelta(hours=24), "Europe/Berlin"))
    spring = utc(2026, 3, 29, 10)  # noon, an hour sooner than a day after noon
    for minutes in (0, 30, 59):
        now = spring + timedelta(minutes=minutes)
        assert window.lasts_until(now) == spring + HOUR
        assert window.start_after(now) == utc(2026, 3, 30, 10)


def test_of_several_windows_the_one_that_ends_last_counts():
    longer = a_window(OneOff(NOON, after(minutes=90)), MaintenanceWindowId("longer"))
    over = a_window(OneOff(after(minutes=-60), NOON), MaintenanceWindowId("over"))
    assert last_to_end([over, longer, a_window()], after(minutes=1)) == ("longer", after(minutes=90))
    assert last_to_end([over], after(minutes=1)) is None


def test_a_window_that_is_over_cannot_be_made():
    assert to_come(a_window(), after(minutes=59)) == NOON
    with pytest.raises(InvalidField) as refusal:
        to_come(a_window(), after(minutes=60))
    assert refusal.value.field == "maintenance_window.one_off.end_time"


@pytest.mark.parametrize(
    ("field", "made"),
    [
        ("end_time", lambda: OneOff(NOON, NOON)),
        ("end_time", lambda: OneOff(NOON, NOON + timedelta(days=30, seconds=1))),
        ("time_zone", lambda: Recurring(time(2), HOUR, "Europe/Atlantis")),
        ("length", lambda: Recurring(time(2), timedelta(seconds=59), "UTC")),
        ("length", lambda: Recurring(time(2), timedelta(hours=24, seconds=1), "UTC")),
        ("days", lambda: Recurring(time(2), HOUR, "UTC", frozenset({8}))),
        ("monitored_service_ids", lambda: a_window(services=())),
        ("monitored_service_ids", lambda: a_window(services=(CHECKOUT, CHECKOUT))),
        ("monitored_service_ids", lambda: a_window(services=tuple(MonitoredServiceId(str(n)) for n in range(101)))),
        ("monitored_service_ids[1]", lambda: a_window(services=(CHECKOUT, MonitoredServiceId("")))),
        ("created_by", lambda: replace(a_window(), created_by="")),
        ("reason", lambda: replace(a_window(), reason="x" * 1025)),
    ],
)
def test_a_window_has_limits(field, made):
    with pytest.raises(InvalidField) as refusal:
        made()
    assert refusal.value.field == field


# What a window does


def test_what_is_due_while_a_window_lasts_is_held_and_pages_at_its_end():
    change = on_due_in_window(an_unhealthy_service(), WINDOW, after(minutes=60), NOON)
    assert causes(change) == [IncidentHeld(WINDOW, after(minutes=60))]
    assert (change.incident.held_by_window, change.incident.held_until) == (WINDOW, after(minutes=60))
    assert fired(change.service, after(minutes=59)).events == ()
    resumed = fired(change.service, after(minutes=60))
    assert (resumed.incident.level, resumed.incident.held_by_window, resumed.incident.held_until) == (1, "", None)
    assert resumed.notifications


def test_what_is_not_due_is_left_alone():
    service = paged()
    assert on_due_in_window(service, WINDOW, after(minutes=60), after(minutes=1)).events == ()


def test_an_acknowledgement_that_expires_while_a_window_lasts_counts_until_its_end():
    policy = replace(POLICY, acknowledgement_expiry=timedelta(minutes=5))
    service = PagerService.on_timeout(an_unhealthy_service(), Timeout(NOON), current(policy)).service
    service = PagerService.on_acknowledgement(service, Acknowledgement("ana"), NOON).service
    change = on_due_in_window(service, WINDOW, after(minutes=60), after(minutes=5))
    assert change.incident.state is IncidentState.ACKNOWLEDGED
    assert fired(change.service, after(minutes=60)).incident.state is IncidentState.OPEN


def test_a_window_that_starts_stops_paging_that_is_under_way():
    change = on_window_start(paged(), WINDOW, after(minutes=70), after(minutes=10))
    assert change.stops_paging
    assert causes(change) == [IncidentHeld(WINDOW, after(minutes=70))]
    assert fired(change.service, after(minutes=15)).events == ()
    assert fired(change.service, after(minutes=70)).incident.level == 2


def test_a_window_that_starts_leaves_alone_what_is_quiet():
    acknowledged = PagerService.on_acknowledgement(paged(), Acknowledgement("ana"), NOON).service
    snoozed = on_snooze(paged(), Snooze("ana", HOUR), NOON).service
    held = on_window_start(paged(), WINDOW, after(minutes=60), NOON).service
    exhausted = fired(fired(paged(), after(minutes=15)).service, after(minutes=30)).service
    assert exhausted.incident.exhausted
    healthy = replace(paged(), incident=None)
    for service in (acknowledged, snoozed, held, exhausted, healthy):
        assert on_window_start(service, WINDOW, after(minutes=90), after(minutes=31)) is None


def test_what_a_deleted_window_held_is_due_at_once():
    held = on_due_in_window(an_unhealthy_service(), WINDOW, after(minutes=60), NOON).service
    change = on_window_deleted(held, after(minutes=1))
    assert causes(change) == [IncidentReleased(WINDOW)]
    assert fired(change.service, after(minutes=1)).incident.level == 1
    assert on_window_deleted(paged(), NOON).events == ()


@pytest.mark.parametrize("deleted", [False, True], ids=["at its end", "when it is deleted"])
def test_what_a_window_held_pages_from_level_1_where_nobody_is_on_call_any_more_for_what_is_left(deleted):
    off_duty, moment = a_policy(levels=[a_level(), EmptyLevel()]), after(minutes=60)
    service = on_due_in_window(paged(), WINDOW, moment, after(minutes=15)).service
    service = on_window_deleted(service, moment).service if deleted else service
    change = PagerService.on_timeout(service, Timeout(moment), current(off_duty))
    assert (change.incident.cycle, change.incident.level, len(change.notifications)) == (2, 1, 2)
