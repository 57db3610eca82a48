"""Silence with care: a snooze, an acknowledgement that expires and an escalation by hand, each as its rule reads."""

from dataclasses import replace
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
    an_unhealthy_service,
    current,
)

from pager_domain.errors import InvalidField
from pager_domain.pager.errors import IncidentUnknown, NoLevelLeft, NoOpenIncident
from pager_domain.pager.events import (
    Acknowledgement,
    EscalationExhausted,
    HealthyEvent,
    IncidentAcknowledged,
    LevelNotified,
    PolicySource,
    Timeout,
)
from pager_domain.pager.interventions import (
    AcknowledgementExpired,
    Escalation,
    IncidentEscalated,
    IncidentSnoozed,
    Snooze,
)
from pager_domain.pager.levels import EmptyLevel
from pager_domain.pager.model import EscalationPolicy, IncidentState, ResolvedPolicy
from pager_domain.pager.service import PagerService
from pager_domain.pager.silence import on_escalation, on_snooze

HOUR = timedelta(hours=1)


def causes(change):
    return [event.what for event in change.events]


def timed_out(service, policy, moment):
    return PagerService.on_timeout(service, Timeout(moment), current(policy))


def step(change):
    """Where the incident stands, and whether somebody is paged for that."""
    return change.incident.cycle, change.incident.level, bool(change.notifications)


def paged(policy):
    """A service whose first level was notified at NOON."""
    return timed_out(an_unhealthy_service(), policy, NOON).service


def acknowledged(policy, minutes=1.0):
    return PagerService.on_acknowledgement(paged(policy), Acknowledgement("ana"), after(minutes=minutes)).service


def exhausted(policy):
    return timed_out(paged(policy), policy, after(minutes=15)).service


def snoozed(service, moment=NOON, span=HOUR):
    return on_snooze(service, Snooze("ana", span), moment)


# Snoozing


def test_a_snooze_cancels_what_waits_and_says_who_until_when_and_why():
    change = on_snooze(paged(a_policy()), Snooze("ana", HOUR, note="after lunch"), after(minutes=1))
    assert change.stops_paging
    assert causes(change) == [IncidentSnoozed("ana", after(minutes=61), "after lunch")]
    assert change.incident.held_until == change.incident.next_escalation_at == after(minutes=61)
    assert change.incident.state is IncidentState.OPEN


def test_before_its_end_nobody_is_paged_and_at_its_end_the_level_that_would_have_come_next():
    policy = a_policy(levels=2)
    change = snoozed(paged(policy), after(minutes=1))
    assert timed_out(change.service, policy, after(minutes=60, seconds=59)).events == ()
    resumed = timed_out(change.service, policy, after(minutes=61))
    assert step(resumed) == (1, 2, True)
    assert (resumed.incident.held_until, resumed.incident.next_escalation_at) == (None, after(minutes=76))


def test_a_snooze_before_any_page_ends_with_level_1():
    change = snoozed(an_unhealthy_service())
    assert step(timed_out(change.service, a_policy(levels=2), after(minutes=60))) == (1, 1, True)


@pytest.mark.parametrize("policy", [a_policy(), a_policy(levels=[a_level(), EmptyLevel()])], ids=["one", "one + empty"])
def test_where_no_level_would_have_come_a_new_cycle_begins_so_that_a_page_comes_all_the_same(policy):
    resumed = timed_out(snoozed(paged(policy)).service, policy, after(minutes=60))
    assert step(resumed) == (2, 1, True)


def test_whoever_escalates_before_its_end_pages_level_1_again():
    escalated = on_escalation(snoozed(paged(a_policy())).service, Escalation("ben"), after(minutes=5))
    assert step(timed_out(escalated.service, a_policy(), after(minutes=5))) == (2, 1, True)


def test_a_snooze_of_an_exhausted_incident_begins_a_new_cycle_with_all_its_repeats():
    policy = a_policy(levels=2, repeats=1)
    service = paged(policy)
    for minutes in (15, 30, 45, 60):
        service = timed_out(service, policy, after(minutes=minutes)).service
    assert service.incident.exhausted
    change = snoozed(service, after(minutes=60))
    assert not change.incident.exhausted
    service, steps = change.service, []
    for minutes in (120, 135, 150, 165, 180):
        fired = timed_out(service, policy, after(minutes=minutes))
        steps.append(step(fired))
        service = fired.service
    assert steps == [(3, 1, True), (3, 2, True), (4, 1, True), (4, 2, True), (4, 2, False)]
    assert causes(fired) == [EscalationExhausted(4)]


def test_an_acknowledged_incident_stays_so_until_the_snooze_ends_and_is_open_then_from_level_1():
    policy = a_policy(levels=2)
    change = snoozed(acknowledged(policy), after(minutes=1))
    assert (change.incident.state, change.incident.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "ana")
    resumed = timed_out(change.service, policy, after(minutes=61))
    assert resumed.incident.state is IncidentState.OPEN
    assert (resumed.incident.acknowledged_by, resumed.incident.acknowledged_at) == ("", None)
    assert causes(resumed)[0] == AcknowledgementExpired("ana")
    assert step(resumed) == (2, 1, True)


def test_a_second_snooze_takes_the_place_of_the_first():
    policy = a_policy(levels=2)
    change = snoozed(snoozed(paged(policy)).service, after(minutes=1), span=timedelta(minutes=2))
    assert step(timed_out(change.service, policy, after(minutes=3))) == (1, 2, True)


@pytest.mark.parametrize("end", [Acknowledgement("ana"), HealthyEvent()], ids=["acknowledged", "healthy"])
def test_an_answer_ends_a_snooze(end):
    policy = a_policy(levels=2)
    service = snoozed(paged(policy)).service
    rule = PagerService.on_acknowledgement if isinstance(end, Acknowledgement) else PagerService.on_healthy
    change = rule(service, end, after(minutes=1))
    assert (change.incident.held_until, change.incident.next_escalation_at) == (None, None)
    assert timed_out(change.service, policy, after(minutes=60)).events == ()


def test_an_acknowledgement_ends_the_snooze_of_an_acknowledged_incident_too_and_counts_anew():
    policy = replace(a_policy(levels=2), acknowledgement_expiry=timedelta(minutes=90))
    service = snoozed(acknowledged(policy), after(minutes=1)).service
    change = PagerService.on_acknowledgement(service, Acknowledgement("ben"), after(minutes=30))
    assert causes(change) == [IncidentAcknowledged("ben", "", after(minutes=120))]
    assert (change.incident.held_until, change.incident.next_escalation_at) == (None, after(minutes=120))
    assert change.incident.acknowledged_by == "ben"
    assert timed_out(change.service, policy, after(minutes=61)).events == ()


def test_pages_that_fail_do_not_end_a_snooze():
    policy = a_policy(levels=2)
    incident = snoozed(paged(policy)).incident
    assert PagerService.on_level_undeliverable(incident, after(minutes=1)) == (incident, ())


def test_while_the_catch_all_stands_in_a_look_for_the_policy_does_not_end_a_snooze():
    catch_all = EscalationPolicy("", 0, (a_level(),), 100)
    stands_in = ResolvedPolicy(catch_all, PolicySource.CATCH_ALL, "down", timedelta(seconds=10))
    service = PagerService.on_timeout(an_unhealthy_service(), a_timeout(), stands_in).service
    change = snoozed(service)
    assert PagerService.on_timeout(change.service, a_timeout(seconds=10), stands_in).events == ()
    resumed = PagerService.on_timeout(change.service, a_timeout(minutes=60), stands_in)
    assert step(resumed) == (2, 1, True)


@pytest.mark.parametrize("span", [timedelta(seconds=59.999999), timedelta(hours=24, microseconds=1)])
def test_a_snooze_lasts_a_minute_to_a_day(span):
    with pytest.raises(InvalidField) as refusal:
        Snooze("ana", span)
    assert (refusal.value.field, refusal.value.limit) == ("duration", "must be 1 minute to 24 hours")
    with pytest.raises(InvalidField) as refusal:
        on_snooze(paged(a_policy()), Snooze("ana", until=NOON + span), NOON)
    assert (refusal.value.field, refusal.value.limit) == ("until_time", "must be 1 minute to 24 hours from now")
    for allowed in (timedelta(minutes=1), timedelta(hours=24)):
        assert on_snooze(paged(a_policy()), Snooze("ana", until=NOON + allowed), NOON).incident.held_until


@pytest.mark.parametrize("ends", [(None, None), (HOUR, NOON)], ids=["none", "both"])
def test_a_snooze_has_one_end(ends):
    with pytest.raises(InvalidField) as refusal:
        Snooze("ana", *ends)
    assert refusal.value.field == "duration"


@pytest.mark.parametrize(
    ("rule", "intervention"), [(on_snooze, Snooze("ana", HOUR)), (on_escalation, Escalation("ana"))]
)
def test_only_the_open_incident_can_be_meant(rule, intervention):
    with pytest.raises(NoOpenIncident):
        rule(a_service(), intervention, NOON)
    with pytest.raises(IncidentUnknown):
        rule(paged(a_policy(levels=2)), replace(intervention, incident_id="another"), NOON)
    assert rule(paged(a_policy(levels=2)), replace(intervention, incident_id="incident-1"), NOON).events


# Acknowledgements that expire

EXPIRING = replace(a_policy(levels=2), acknowledgement_expiry=timedelta(minutes=30))


def test_without_an_expiry_an_acknowledgement_counts_for_ever():
    service = acknowledged(a_policy(levels=2))
    assert service.incident.next_escalation_at is None
    assert timed_out(service, a_policy(levels=2), after(minutes=10_000)).events == ()


def test_an_acknowledgement_says_when_it_expires_and_nobody_is_paged_before():
    change = PagerService.on_acknowledgement(paged(EXPIRING), Acknowledgement("ana", "on it"), after(minutes=1))
    assert causes(change) == [IncidentAcknowledged("ana", "on it", after(minutes=31))]
    assert timed_out(change.service, EXPIRING, after(minutes=30, seconds=59)).events == ()


def test_when_it_expires_the_incident_is_open_and_a_new_cycle_begins_at_level_1_in_the_same_change():
    change = timed_out(acknowledged(EXPIRING), EXPIRING, after(minutes=31))
    expired, notified = causes(change)
    assert expired == AcknowledgementExpired("ana")
    assert isinstance(notified, LevelNotified)
    assert step(change) == (2, 1, True)
    assert (change.incident.state, change.incident.acknowledged_by) == (IncidentState.OPEN, "")
    assert change.incident.next_escalation_at == after(minutes=31) + MINUTES_15


def test_after_it_has_expired_somebody_else_can_acknowledge():
    service = timed_out(acknowledged(EXPIRING), EXPIRING, after(minutes=31)).service
    change = PagerService.on_acknowledgement(service, Acknowledgement("ben"), after(minutes=32))
    assert change.incident.acknowledged_by == "ben"


def test_the_acknowledgement_of_an_exhausted_incident_expires_too():
    policy = replace(a_policy(), acknowledgement_expiry=timedelta(minutes=30))
    change = PagerService.on_acknowledgement(exhausted(policy), Acknowledgement("ana"), after(minutes=16))
    assert not change.incident.exhausted
    assert step(timed_out(change.service, policy, after(minutes=46))) == (2, 1, True)


@pytest.mark.parametrize(
    ("field", "spans", "limit"),
    [
        ("acknowledgement_expiry", (timedelta(seconds=59), timedelta(days=7, seconds=1)), "must be 1 minute to 7 days"),
        ("reopen_window", (timedelta(0), timedelta(days=1, seconds=1)), "must be 1 second to 24 hours"),
    ],
)
def test_the_spans_of_a_policy_have_limits(field, spans, limit):
    for span in spans:
        with pytest.raises(InvalidField) as refusal:
            replace(a_policy(), **{field: span})
        assert (refusal.value.field, refusal.value.limit) == (field, limit)


# Escalating by hand


def test_an_escalation_makes_the_next_level_due_at_once():
    policy = a_policy(levels=2)
    change = on_escalation(paged(policy), Escalation("ana"), after(minutes=1))
    assert causes(change) == [IncidentEscalated("ana")]
    assert not change.stops_paging
    assert step(timed_out(change.service, policy, after(minutes=1))) == (1, 2, True)


@pytest.mark.parametrize("silence", [acknowledged, lambda policy: snoozed(paged(policy)).service])
def test_an_escalation_ends_an_acknowledgement_and_a_snooze(silence):
    policy = a_policy(levels=2)
    change = on_escalation(silence(policy), Escalation("ben"), after(minutes=2))
    assert (change.incident.state, change.incident.acknowledged_by) == (IncidentState.OPEN, "")
    assert change.incident.held_until is None
    assert step(timed_out(change.service, policy, after(minutes=2))) == (1, 2, True)


def test_after_the_last_level_an_escalation_begins_a_repeat_that_is_left_and_else_is_refused():
    repeated = a_policy(repeats=1)
    change = on_escalation(paged(repeated), Escalation("ana"), NOON)
    assert step(timed_out(change.service, repeated, NOON)) == (2, 1, True)
    for service in (paged(a_policy()), acknowledged(a_policy()), exhausted(a_policy())):
        with pytest.raises(NoLevelLeft) as refusal:
            on_escalation(service, Escalation("ana"), after(minutes=16))
        assert refusal.value.incident_id == "incident-1"
