"""Which policy a firing acts on, and how a real one takes over from the catch-all."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import CATCH_ALL, NOON, a_level, a_policy, a_service, a_timeout, after, an_incident, an_unhealthy_service

from pager_domain.pager.events import EscalationExhausted, IncidentId, LevelNotified, PolicySource, Timeout
from pager_domain.pager.levels import addresses
from pager_domain.pager.model import EscalationPolicy
from pager_domain.pager.policy_choice import ASK_AGAIN_AFTER, chosen_policy, question_about
from pager_domain.pager.ports.escalation_policy_repository import NoPolicy, PolicyQuestion
from pager_domain.pager.service import PagerService

SHOP = a_policy("shop", levels=2)
NEW_PEOPLE = a_policy("shop", levels=[a_level(5), a_level(6)])
OLD = a_policy("old", levels=1)
DOWN = NoPolicy("the policy service did not answer", passing=True)
ABSENT = NoPolicy("no policy covers the service", passing=False)
CATCH_ALL_POLICY = EscalationPolicy("", 0, (addresses([CATCH_ALL]),))
KNOWN = (OLD, after(seconds=-90))
CURRENT, LAST_KNOWN, FALLBACK = PolicySource.CURRENT, PolicySource.LAST_KNOWN, PolicySource.CATCH_ALL


def choice(pinned, answer, known=None):
    return chosen_policy(an_incident(policy=pinned), answer, known, (CATCH_ALL,), NOON)


@pytest.mark.parametrize(
    ("pinned", "answer", "known", "source", "policy_id"),
    [
        (None, SHOP, None, CURRENT, "shop"),
        (None, SHOP, KNOWN, CURRENT, "shop"),
        (None, DOWN, KNOWN, LAST_KNOWN, "old"),
        (None, DOWN, None, FALLBACK, ""),
        (None, ABSENT, KNOWN, FALLBACK, ""),
        (None, ABSENT, None, FALLBACK, ""),
        (SHOP, NEW_PEOPLE, KNOWN, CURRENT, "shop"),
        (SHOP, DOWN, KNOWN, LAST_KNOWN, "shop"),
        (SHOP, ABSENT, KNOWN, LAST_KNOWN, "shop"),
        (SHOP, a_policy("other", levels=2), None, LAST_KNOWN, "shop"),
        (SHOP, a_policy("shop", levels=2, revision=2), None, LAST_KNOWN, "shop"),
        (SHOP, a_policy("shop", levels=3), None, LAST_KNOWN, "shop"),
        (CATCH_ALL_POLICY, SHOP, None, CURRENT, "shop"),
        (CATCH_ALL_POLICY, DOWN, KNOWN, LAST_KNOWN, "old"),
        (CATCH_ALL_POLICY, DOWN, None, FALLBACK, ""),
        (CATCH_ALL_POLICY, ABSENT, None, FALLBACK, ""),
    ],
)
def test_the_current_policy_then_the_last_known_then_the_catch_all(pinned, answer, known, source, policy_id):
    resolved = choice(pinned, answer, known)
    assert (resolved.source, resolved.policy.policy_id) == (source, policy_id)
    assert bool(resolved.fault) == (source is not CURRENT)


def test_the_people_of_a_pinned_policy_are_looked_up_again():
    assert choice(SHOP, NEW_PEOPLE).policy == NEW_PEOPLE
    assert choice(SHOP, DOWN).policy == SHOP


def test_the_log_says_how_old_the_last_known_policy_is():
    assert choice(None, DOWN, KNOWN).fault == "the policy service did not answer; last known 90 s ago"


def test_the_pager_asks_again_only_while_the_policy_may_come_back():
    assert choice(None, DOWN).ask_again_after == ASK_AGAIN_AFTER
    assert choice(None, ABSENT).ask_again_after is None
    assert choice(None, ABSENT).policy.repeat_count == 0
    assert choice(None, DOWN).policy.repeat_count == 100


@pytest.mark.parametrize(
    ("policy", "pinned"),
    [(None, None), (CATCH_ALL_POLICY, None), (SHOP, ("shop", 1))],
    ids=["new", "catch-all", "real"],
)
def test_only_a_real_policy_is_asked_for_by_its_revision(policy, pinned):
    service = a_service(incident=an_incident(policy=policy))
    assert question_about(service) == PolicyQuestion(service.monitored_service_id, pinned, IncidentId("incident-1"))


def fire(service, answer, timeout, known=None):
    resolved = chosen_policy(service.incident, answer, known, (CATCH_ALL,), timeout.at)
    return PagerService.on_timeout(service, timeout, resolved)


def whom(change):
    return [page.target.target_id for page in change.notifications]


def test_without_any_policy_the_catch_all_is_paged_and_the_pager_looks_again_soon():
    change = fire(an_unhealthy_service(), DOWN, a_timeout())
    assert whom(change) == ["catch-all"]
    assert change.incident.next_escalation_at == NOON + ASK_AGAIN_AFTER
    assert change.incident.acknowledgement_due_at == after(minutes=15)
    [event] = change.events
    assert isinstance(event.what, LevelNotified)
    assert (event.what.policy_source, event.what.policy_fault) == (FALLBACK, DOWN.fault)
    assert event.what.next_escalation_at == after(minutes=15)


def test_while_the_delay_of_the_catch_all_runs_the_pager_only_looks():
    service = fire(an_unhealthy_service(), DOWN, a_timeout()).service
    change = fire(service, DOWN, Timeout(NOON + ASK_AGAIN_AFTER))
    assert (change.events, change.notifications) == ((), ())
    assert change.incident.next_escalation_at == NOON + 2 * ASK_AGAIN_AFTER
    assert (change.incident.cycle, change.incident.level) == (1, 1)


def test_the_last_look_is_when_the_delay_of_the_catch_all_ends_and_pages_it_again():
    service = fire(an_unhealthy_service(), DOWN, a_timeout()).service
    looking = replace(service, incident=replace(service.incident, next_escalation_at=after(minutes=14, seconds=59)))
    last = fire(looking, DOWN, a_timeout(minutes=14, seconds=59))
    assert last.incident.next_escalation_at == after(minutes=15)
    again = fire(last.service, DOWN, a_timeout(minutes=15))
    assert whom(again) == ["catch-all"]
    assert (again.incident.cycle, again.incident.level) == (2, 1)


def test_a_policy_that_is_back_takes_over_with_its_first_level_in_a_cycle_of_its_own():
    service = fire(an_unhealthy_service(), DOWN, a_timeout()).service
    change = fire(service, a_policy(levels=2, repeats=1), a_timeout(seconds=30))
    assert whom(change) == ["person-1-1", "person-1-2"]
    assert (change.incident.cycle, change.incident.level, change.incident.policy_since_cycle) == (2, 1, 2)
    assert change.incident.next_escalation_at == after(minutes=15, seconds=30)
    story = []
    for quarter in range(1, 5):
        change = fire(change.service, a_policy(levels=2, repeats=1), a_timeout(minutes=15 * quarter, seconds=30))
        story += [(change.incident.cycle, change.incident.level)] if change.notifications else []
    assert story == [(2, 2), (3, 1), (3, 2)]
    assert change.events[-1].what == EscalationExhausted(3)


def test_without_a_policy_for_good_the_catch_all_is_paged_once_and_the_incident_is_exhausted():
    first = fire(an_unhealthy_service(), ABSENT, a_timeout())
    assert (whom(first), first.incident.next_escalation_at) == (["catch-all"], after(minutes=15))
    second = fire(first.service, ABSENT, a_timeout(minutes=15))
    assert second.events[-1].what == EscalationExhausted(1)


def test_a_policy_that_turns_out_to_be_absent_ends_the_looking():
    service = fire(an_unhealthy_service(), DOWN, a_timeout()).service
    change = fire(service, ABSENT, a_timeout(seconds=30))
    assert (change.notifications, change.incident.next_escalation_at) == ((), after(minutes=15))


def test_the_last_known_policy_is_pinned_and_keeps_its_course():
    first = fire(an_unhealthy_service(), DOWN, a_timeout(), (SHOP, after(seconds=-5)))
    assert whom(first) == ["person-1-1", "person-1-2"]
    assert question_about(first.service).pinned == ("shop", 1)
    second = fire(first.service, DOWN, a_timeout(minutes=15))
    assert whom(second) == ["person-2-1", "person-2-2"]
    assert second.events[0].what.policy_source is LAST_KNOWN
    assert second.incident.next_escalation_at - after(minutes=15) == timedelta(minutes=15)
