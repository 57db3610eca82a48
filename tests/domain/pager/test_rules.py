"""The seven rules of docs/architecture.md, each as it reads."""

from datetime import timedelta

import pytest
from builders import (
    MINUTES_15,
    NOON,
    a_level,
    a_policy,
    a_service,
    a_timeout,
    after,
    an_alert,
    an_unhealthy_service,
    current,
)

from pager_domain.pager.errors import IncidentUnknown, NoOpenIncident
from pager_domain.pager.events import (
    Acknowledgement,
    AlertRepeated,
    EscalationExhausted,
    HealthyEvent,
    IncidentAcknowledged,
    IncidentId,
    IncidentOpened,
    IncidentResolved,
    LevelNotified,
    LevelSkipped,
    LevelUndeliverable,
    Timeout,
)
from pager_domain.pager.levels import EmptyLevel
from pager_domain.pager.model import IncidentState, MonitoredService, ServiceState
from pager_domain.pager.service import PagerService


def timed_out(service: MonitoredService, policy, timeout: Timeout):
    return PagerService.on_timeout(service, timeout, current(policy))


def causes(change):
    return [event.what for event in change.events]


def whom(change):
    return [page.target.target_id for page in change.notifications]


def paged(levels: int = 1, policy=None, **alert):
    """A service whose first level was notified at NOON."""
    return timed_out(an_unhealthy_service(**alert), policy or a_policy(levels=levels), a_timeout()).service


def test_rule_1_an_alert_on_a_healthy_service_makes_it_unhealthy_and_due_at_once():
    change = PagerService.on_alert(a_service(), an_alert(), lambda: IncidentId("i"), NOON)
    assert change.service.state is ServiceState.UNHEALTHY
    assert causes(change) == [IncidentOpened(an_alert())]
    assert change.incident == change.service.incident
    assert change.incident.next_escalation_at == change.incident.opened_at == NOON
    assert change.notifications == ()


def test_rule_1_all_targets_of_the_first_level_are_notified_and_a_delay_of_15_minutes_is_set():
    change = timed_out(an_unhealthy_service(), a_policy(levels=2), a_timeout(seconds=1))
    assert whom(change) == ["person-1-1", "person-1-2"]
    assert (change.incident.cycle, change.incident.level) == (1, 1)
    assert change.incident.next_escalation_at == after(seconds=1) + MINUTES_15
    [event] = causes(change)
    assert isinstance(event, LevelNotified)
    assert [target.target_id for target in event.targets] == whom(change)
    assert (event.policy_id, event.policy_revision, event.acknowledgement_timeout) == ("shop", 1, MINUTES_15)


def test_rule_1_a_level_may_have_a_delay_of_its_own():
    change = timed_out(an_unhealthy_service(), a_policy(levels=[a_level(minutes=0.5)]), a_timeout())
    assert change.incident.next_escalation_at == after(seconds=30)


def test_rule_2_a_timeout_notifies_all_targets_of_the_next_level_and_sets_the_delay_again():
    change = timed_out(paged(levels=2), a_policy(levels=2), a_timeout(minutes=15))
    assert whom(change) == ["person-2-1", "person-2-2"]
    assert (change.incident.cycle, change.incident.level) == (1, 2)
    assert change.incident.next_escalation_at == after(minutes=30)


def test_rule_2_before_the_delay_has_run_out_nobody_is_notified():
    service = paged(levels=2)
    change = timed_out(service, a_policy(levels=2), a_timeout(minutes=14, seconds=59.999))
    assert (change.service, change.events, change.notifications) == (service, (), ())


def test_rule_2_after_an_outage_of_any_length_one_level_fires_and_its_delay_begins_then():
    change = timed_out(paged(levels=3), a_policy(levels=3), a_timeout(minutes=600))
    assert change.incident.level == 2
    assert change.incident.next_escalation_at == after(minutes=615)


@pytest.mark.parametrize("service", [an_unhealthy_service(), paged(levels=2)], ids=["before", "after the first page"])
def test_rule_3_an_acknowledgement_then_a_timeout_notifies_nobody_and_sets_no_delay(service):
    change = PagerService.on_acknowledgement(service, Acknowledgement("ana", "on it"), after(minutes=1))
    assert change.stops_paging
    assert causes(change) == [IncidentAcknowledged("ana", "on it")]
    assert change.service.state is ServiceState.UNHEALTHY
    later = timed_out(change.service, a_policy(levels=2), a_timeout(minutes=15))
    assert (later.events, later.notifications, later.incident.next_escalation_at) == ((), (), None)
    assert later.incident.state is IncidentState.ACKNOWLEDGED


def test_rule_3_a_second_acknowledgement_keeps_the_first_person_and_changes_nothing():
    first = PagerService.on_acknowledgement(paged(), Acknowledgement("ana"), after(minutes=1))
    second = PagerService.on_acknowledgement(first.service, Acknowledgement("ben"), after(minutes=2))
    assert (second.service, second.events, second.stops_paging) == (first.service, (), False)
    assert (second.incident.acknowledged_by, second.incident.acknowledged_at) == ("ana", after(minutes=1))


def test_rule_3_there_is_nothing_to_acknowledge_on_a_healthy_service():
    with pytest.raises(NoOpenIncident) as refusal:
        PagerService.on_acknowledgement(a_service(), Acknowledgement("ana"), NOON)
    assert refusal.value.monitored_service_id == "checkout"


def test_rule_3_an_acknowledgement_of_another_incident_is_refused():
    with pytest.raises(IncidentUnknown) as refusal:
        PagerService.on_acknowledgement(paged(), Acknowledgement("ana", incident_id=IncidentId("other")), NOON)
    assert refusal.value.incident_id == "other"
    assert PagerService.on_acknowledgement(
        paged(), Acknowledgement("ana", incident_id=IncidentId("incident-1")), NOON
    ).stops_paging


@pytest.mark.parametrize("acknowledged", [False, True])
def test_rule_4_an_alert_on_an_unhealthy_service_is_counted_and_kept_and_notifies_nobody(acknowledged):
    service = paged(levels=2)
    if acknowledged:
        service = PagerService.on_acknowledgement(service, Acknowledgement("ana"), NOON).service
    change = PagerService.on_alert(service, an_alert("again"), lambda: IncidentId("x"), after(minutes=1))
    assert causes(change) == [AlertRepeated(an_alert("again"), 2)]
    assert change.notifications == ()
    assert not change.stops_paging
    assert (change.incident.incident_id, change.incident.alert_count) == ("incident-1", 2)
    assert change.incident.next_escalation_at == service.incident.next_escalation_at
    assert change.incident.alert.message == "payments fail"


def test_rule_5_a_healthy_event_then_a_timeout_notifies_nobody_and_sets_no_delay():
    change = PagerService.on_healthy(paged(levels=2), HealthyEvent(), after(minutes=1))
    assert change.service.state is ServiceState.HEALTHY
    assert causes(change) == [IncidentResolved()]
    assert change.stops_paging
    assert (change.incident.state, change.incident.next_escalation_at) == (IncidentState.RESOLVED, None)
    later = timed_out(change.service, a_policy(levels=2), a_timeout(minutes=15))
    assert (later.service, later.events, later.notifications) == (change.service, (), ())


def test_rule_5_a_healthy_event_on_a_healthy_service_changes_nothing():
    change = PagerService.on_healthy(a_service(), HealthyEvent(), after(minutes=1))
    assert (change.service, change.incident, change.events, change.stops_paging) == (a_service(), None, (), False)


def test_rule_5_an_alert_after_a_healthy_event_opens_a_new_incident():
    healthy = PagerService.on_healthy(paged(), HealthyEvent(), after(minutes=1)).service
    change = PagerService.on_alert(healthy, an_alert(), lambda: IncidentId("incident-2"), after(minutes=2))
    assert (change.incident.incident_id, change.incident.event_count, change.incident.level) == ("incident-2", 1, 0)


def test_rule_6_of_many_alerts_at_one_instant_each_target_is_notified_once():
    service, pages = a_service(), []
    for _ in range(50):
        service = PagerService.on_alert(service, an_alert(), lambda: IncidentId("i"), NOON).service
        change = timed_out(service, a_policy(), a_timeout())
        service, pages = change.service, [*pages, *whom(change)]
    assert pages == ["person-1-1", "person-1-2"]
    assert service.incident.alert_count == 50


def test_rule_7_after_the_last_level_the_incident_is_recorded_as_exhausted():
    change = timed_out(paged(levels=1), a_policy(levels=1), a_timeout(minutes=15))
    assert causes(change) == [EscalationExhausted(1)]
    assert (change.incident.exhausted, change.incident.next_escalation_at) == (True, None)
    assert change.notifications == ()
    assert change.incident.state is IncidentState.OPEN
    assert timed_out(change.service, a_policy(levels=1), a_timeout(minutes=600)).events == ()


def test_rule_7_each_repeat_notifies_all_levels_again_and_then_it_is_exhausted():
    policy, service, story = a_policy(levels=2, repeats=2), an_unhealthy_service(), []
    for quarter in range(7):
        change = timed_out(service, policy, a_timeout(minutes=15 * quarter))
        service = change.service
        story += [(page.cycle, page.level) for page in change.notifications if page.target.target_id.endswith("-1")]
    assert story == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]
    assert causes(change) == [EscalationExhausted(3)]
    assert service.incident.exhausted


def test_an_exhausted_incident_can_still_be_acknowledged_and_resolved():
    exhausted = timed_out(paged(), a_policy(), a_timeout(minutes=15)).service
    acknowledged = PagerService.on_acknowledgement(exhausted, Acknowledgement("ana"), after(minutes=20)).service
    assert acknowledged.incident.state is IncidentState.ACKNOWLEDGED
    assert PagerService.on_healthy(acknowledged, HealthyEvent(), after(minutes=21)).service.incident is None


def test_a_level_that_names_nobody_is_skipped_at_once_with_a_line():
    policy = a_policy(levels=[EmptyLevel(), EmptyLevel(), a_level(3)])
    change = timed_out(an_unhealthy_service(), policy, a_timeout())
    assert [type(cause) for cause in causes(change)] == [LevelSkipped, LevelSkipped, LevelNotified]
    assert causes(change)[:2] == [LevelSkipped(1, 1), LevelSkipped(1, 2)]
    assert whom(change) == ["person-3-1", "person-3-2"]


def test_an_empty_last_level_leads_into_the_next_cycle_or_the_end():
    repeated = a_policy(levels=[a_level(), EmptyLevel()], repeats=1)
    first = timed_out(an_unhealthy_service(), repeated, a_timeout())
    second = timed_out(first.service, repeated, a_timeout(minutes=15))
    assert causes(second)[0] == LevelSkipped(1, 2)
    assert (second.incident.cycle, second.incident.level, whom(second)) == (2, 1, ["person-1-1", "person-1-2"])
    third = timed_out(second.service, repeated, a_timeout(minutes=30))
    assert causes(third) == [LevelSkipped(2, 2), EscalationExhausted(2)]


def undeliverable(service, now):
    return PagerService.on_level_undeliverable(service.incident, now)


def test_a_level_that_reached_nobody_makes_the_next_one_due_at_once():
    policy = a_policy(levels=2)
    incident, lines = undeliverable(paged(policy=policy), after(minutes=1))
    assert [line.what for line in lines] == [LevelUndeliverable(1, 1)]
    change = timed_out(a_service(incident=incident), policy, a_timeout(minutes=1))
    assert whom(change) == ["person-2-1", "person-2-2"]
    assert change.incident.next_escalation_at == after(minutes=16)


def test_only_an_open_incident_with_a_level_to_come_that_is_not_due_already_is_hastened():
    last_of_two = timed_out(paged(policy=a_policy(levels=2)), a_policy(levels=2), a_timeout(minutes=15)).service
    nobody_after = paged(policy=a_policy(levels=[a_level(), EmptyLevel()], repeats=3))
    waits = paged(policy=a_policy(levels=2))
    acknowledged = PagerService.on_acknowledgement(waits, Acknowledgement("ana"), NOON).service
    for service, minute in ((last_of_two, 16), (nobody_after, 1), (acknowledged, 1), (waits, 15)):
        assert undeliverable(service, after(minutes=minute)) == (service.incident, ())


def test_the_timeline_counts_from_one_without_a_gap_and_every_decision_has_a_new_generation():
    service, events, generations = a_service(), [], []
    for change in (
        lambda s: PagerService.on_alert(s, an_alert(), lambda: IncidentId("i"), NOON),
        lambda s: timed_out(s, a_policy(levels=[EmptyLevel(), a_level(2)]), a_timeout()),
        lambda s: PagerService.on_alert(s, an_alert(), lambda: IncidentId("x"), NOON),
        lambda s: PagerService.on_acknowledgement(s, Acknowledgement("ana"), NOON),
        lambda s: PagerService.on_healthy(s, HealthyEvent(), NOON),
    ):
        made = change(service)
        service, events = made.service, [*events, *made.events]
        generations.append(made.incident.generation)
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5, 6]
    assert generations == [1, 2, 3, 4, 5]


def test_the_people_of_a_level_are_those_of_the_moment_it_fires():
    changed_shift = a_policy(levels=[a_level(1), a_level(7)])
    change = timed_out(paged(levels=2), changed_shift, a_timeout(minutes=15))
    assert whom(change) == ["person-7-1", "person-7-2"]
    assert change.incident.policy == changed_shift
    assert change.incident.policy_since_cycle == 1
    assert change.notifications[0].level == 2


def test_the_delay_counts_from_the_firing_and_not_from_when_it_was_due():
    late = a_timeout(minutes=15, seconds=7)
    change = timed_out(paged(levels=2), a_policy(levels=2), late)
    assert change.incident.next_escalation_at - late.at == timedelta(minutes=15)
