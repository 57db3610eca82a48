"""An alert soon after the service was healthy again continues the incident of before."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOON, a_policy, after, an_alert, an_unhealthy_service, current

from pager_domain.pager.events import Acknowledgement, AlertRepeated, HealthyEvent, IncidentId, IncidentOpened, Timeout
from pager_domain.pager.interventions import IncidentReopened, Snooze
from pager_domain.pager.levels import EmptyLevel
from pager_domain.pager.maintenance import MaintenanceWindowId, on_window_start
from pager_domain.pager.model import FormerIncident, IncidentState, ServiceState
from pager_domain.pager.service import PagerService
from pager_domain.pager.silence import on_snooze

FLAPPING = replace(a_policy(levels=2), reopen_window=timedelta(minutes=5))
AGAIN = an_alert("again")


def causes(change):
    return [event.what for event in change.events]


def timed_out(service, moment, policy=FLAPPING):
    return PagerService.on_timeout(service, Timeout(moment), current(policy))


def paged(policy=FLAPPING):
    return timed_out(an_unhealthy_service(), NOON, policy).service


def acknowledged(policy=FLAPPING):
    return PagerService.on_acknowledgement(paged(policy), Acknowledgement("ana", "on it"), after(seconds=10)).service


def healthy(service, moment=NOON, *, reached=True):
    """``service`` when it is loaded next; ``reached`` says whether a page of its last level went out."""
    service = PagerService.on_healthy(service, HealthyEvent(), moment).service
    return replace(service, former=service.former and FormerIncident(service.former.incident, reached))


def alerted(service, moment):
    return PagerService.on_alert(service, AGAIN, lambda: IncidentId("incident-2"), moment)


def test_within_the_window_the_incident_goes_on_and_the_alert_is_counted():
    change = alerted(healthy(paged(), after(minutes=1)), after(minutes=6))
    assert causes(change) == [IncidentReopened("", after(minutes=15)), AlertRepeated(AGAIN, 2)]
    assert change.incident.incident_id == "incident-1"
    assert (change.incident.state, change.incident.resolved_at) == (IncidentState.OPEN, None)
    assert (change.service.state, change.service.updated_at) == (ServiceState.UNHEALTHY, after(minutes=6))
    assert change.service.former is None


@pytest.mark.parametrize("policy", [FLAPPING, a_policy(levels=2)], ids=["after the window", "without a window"])
def test_else_another_incident_opens(policy):
    change = alerted(healthy(paged(policy)), after(minutes=5, seconds=0.000001))
    assert causes(change) == [IncidentOpened(AGAIN)]
    assert change.incident.incident_id == "incident-2"
    assert change.service.former is None


def test_what_was_resolved_before_anybody_was_paged_is_over():
    assert healthy(an_unhealthy_service()).former is None


def test_pages_are_not_made_again_and_the_next_level_comes_when_it_would_have_come():
    service = alerted(healthy(paged(), after(minutes=1)), after(minutes=2)).service
    assert timed_out(service, after(minutes=14, seconds=59)).events == ()
    change = timed_out(service, after(minutes=15))
    assert (change.incident.cycle, change.incident.level) == (1, 2)


def test_if_that_time_has_passed_the_next_level_is_due_at_once():
    change = alerted(healthy(paged(), after(minutes=14)), after(minutes=18))
    assert change.incident.next_escalation_at == after(minutes=18)
    assert timed_out(change.service, after(minutes=18)).incident.level == 2


def test_whoever_had_acknowledged_it_still_has_it_for_half_an_hour():
    change = alerted(healthy(acknowledged(), after(minutes=1)), after(minutes=2))
    assert causes(change)[0] == IncidentReopened("ana", after(minutes=32))
    assert (change.incident.state, change.incident.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "ana")
    assert timed_out(change.service, after(minutes=31)).events == ()
    expired = timed_out(change.service, after(minutes=32))
    assert (expired.incident.state, expired.incident.cycle, expired.incident.level) == (IncidentState.OPEN, 2, 1)


def test_or_for_as_long_as_the_policy_lets_an_acknowledgement_count():
    policy = replace(FLAPPING, acknowledgement_expiry=timedelta(hours=2))
    change = alerted(healthy(acknowledged(policy), after(minutes=1)), after(minutes=2))
    assert change.incident.next_escalation_at == after(minutes=122)


def test_if_no_page_ever_went_out_the_levels_begin_anew_at_once():
    change = alerted(healthy(paged(), after(seconds=1), reached=False), after(seconds=2))
    fired = timed_out(change.service, after(seconds=2))
    assert (fired.incident.cycle, fired.incident.level, len(fired.notifications)) == (2, 1, 2)


def test_if_nobody_is_left_to_be_paged_the_levels_begin_anew_at_once():
    policy = replace(a_policy(), reopen_window=timedelta(minutes=5))
    exhausted = timed_out(paged(policy), after(minutes=15), policy).service
    assert exhausted.incident.exhausted
    change = alerted(healthy(exhausted, after(minutes=16)), after(minutes=17))
    assert not change.incident.exhausted
    assert timed_out(change.service, after(minutes=17), policy).incident.cycle == 2


@pytest.mark.parametrize("minutes", [6, 14, 16, 50], ids="{} minutes".format)
def test_if_the_last_level_was_paged_already_they_begin_anew_at_once_whether_its_delay_is_over_or_not(minutes):
    policy = replace(a_policy(), reopen_window=timedelta(hours=1))
    change = alerted(healthy(paged(policy), after(minutes=5)), after(minutes=minutes))
    assert change.incident.next_escalation_at == after(minutes=minutes)
    fired = timed_out(change.service, after(minutes=minutes), policy)
    assert (fired.incident.cycle, fired.incident.level, len(fired.notifications)) == (2, 1, 2)


def test_if_nobody_is_on_call_any_more_for_the_level_that_is_due_at_once_they_begin_anew():
    off_duty = replace(FLAPPING, levels=(FLAPPING.levels[0], EmptyLevel()))
    change = alerted(healthy(paged(), after(minutes=14)), after(minutes=18))
    fired = timed_out(change.service, after(minutes=18), off_duty)
    assert (fired.incident.cycle, fired.incident.level, len(fired.notifications)) == (2, 1, 2)


def test_nor_is_it_silence_if_nobody_is_on_call_any_more_when_the_next_level_comes_at_its_time():
    off_duty = replace(FLAPPING, levels=(FLAPPING.levels[0], EmptyLevel()))
    change = alerted(healthy(paged(), after(minutes=1)), after(minutes=2))
    fired = timed_out(change.service, after(minutes=15), off_duty)
    assert (fired.incident.cycle, fired.incident.level, len(fired.notifications)) == (2, 1, 2)


def test_nor_at_the_end_of_a_snooze_of_before():
    off_duty = replace(FLAPPING, levels=(FLAPPING.levels[0], EmptyLevel()))
    snoozed = on_snooze(paged(), Snooze("ana", timedelta(hours=1)), after(minutes=1)).service
    change = alerted(healthy(snoozed, after(minutes=2)), after(minutes=3))
    fired = timed_out(change.service, after(minutes=61), off_duty)
    assert (fired.incident.cycle, fired.incident.level, len(fired.notifications)) == (2, 1, 2)


def test_however_often_it_comes_and_goes_the_next_level_comes_when_it_would_have_come():
    service = paged()
    for minutes in (1, 3, 5):
        service = alerted(healthy(service, after(minutes=minutes)), after(minutes=minutes + 1)).service
    assert service.incident.next_escalation_at == after(minutes=15)
    assert timed_out(service, after(minutes=15)).incident.level == 2


def test_a_snooze_of_before_holds_on_until_its_end():
    snoozed = on_snooze(paged(), Snooze("ana", timedelta(hours=1)), after(minutes=1)).service
    change = alerted(healthy(snoozed, after(minutes=2)), after(minutes=3))
    assert change.incident.next_escalation_at == after(minutes=61)


def test_a_maintenance_window_of_before_holds_nothing_that_is_reopened():
    held = on_window_start(paged(), MaintenanceWindowId("disks"), after(minutes=60 * 24), after(minutes=1))
    change = alerted(healthy(held.service, after(minutes=2)), after(minutes=3))
    assert (change.incident.held_by_window, change.incident.next_escalation_at) == ("", after(minutes=3))


def test_it_can_be_resolved_and_reopened_again_and_again():
    service = paged()
    for n in range(1, 4):
        change = alerted(healthy(service, after(minutes=n)), after(minutes=n, seconds=30))
        service = change.service
        assert (change.incident.incident_id, change.incident.alert_count) == ("incident-1", n + 1)
