"""When the next level is to fire nobody is on call for what is left: silence that was asked for ends all the same."""

from datetime import timedelta

from builders import a_level, a_policy, after, an_unhealthy_service, current

from pager_domain.pager.events import Acknowledgement, EscalationExhausted, LevelNotified, LevelSkipped, Timeout
from pager_domain.pager.interventions import Escalation, Snooze
from pager_domain.pager.levels import EmptyLevel
from pager_domain.pager.service import PagerService
from pager_domain.pager.silence import on_escalation, on_snooze

ON_CALL, OFF_DUTY = a_policy(levels=2), a_policy(levels=[a_level(), EmptyLevel()])


def fired(service, minutes, policy=OFF_DUTY):
    return PagerService.on_timeout(service, Timeout(after(minutes=minutes)), current(policy))


def paged():
    """A service whose first level was notified while somebody was on call for the second."""
    return fired(an_unhealthy_service(), 0, ON_CALL).service


def kinds(change):
    return [type(event.what) for event in change.events]


def step(change):
    """Where the incident stands, and how many are paged for that."""
    return change.incident.cycle, change.incident.level, len(change.notifications)


def test_at_the_end_of_a_snooze_the_levels_begin_anew():
    snoozed = on_snooze(paged(), Snooze("ana", timedelta(hours=1)), after(minutes=0)).service
    change = fired(snoozed, 60)
    assert kinds(change) == [LevelSkipped, LevelNotified]
    assert step(change) == (2, 1, 2)


def test_so_they_do_after_an_escalation_by_hand_and_the_incident_is_not_left_to_nobody():
    acknowledged = PagerService.on_acknowledgement(paged(), Acknowledgement("ana"), after(minutes=1)).service
    escalated = on_escalation(acknowledged, Escalation("ben"), after(minutes=2)).service
    assert step(fired(escalated, 2)) == (2, 1, 2)


def test_but_the_delay_of_a_level_ends_as_it_is():
    assert kinds(fired(paged(), 15)) == [LevelSkipped, EscalationExhausted]
