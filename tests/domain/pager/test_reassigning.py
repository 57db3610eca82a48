"""An incident is given to others, who are due at once; the former people stand in while nobody knows who they are."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import CATCH_ALL, NOON, a_level, a_policy, after, an_unhealthy_service, current
from fakes.escalation_policies import ABSENT, DOWN

from pager_domain.errors import InvalidField
from pager_domain.pager.events import Acknowledgement, LevelNotified, PolicySource, Timeout
from pager_domain.pager.interventions import (
    Assignee,
    AssigneeKind,
    AssigneeUnknown,
    IncidentReassigned,
    Reassignment,
    Snooze,
)
from pager_domain.pager.model import IncidentState
from pager_domain.pager.policy_choice import ASK_AGAIN_AFTER, chosen_policy, question_about, unknown_assignee
from pager_domain.pager.ports.escalation_policy_repository import PolicyQuestion
from pager_domain.pager.service import PagerService
from pager_domain.pager.silence import on_assignee_unknown, on_reassignment, on_snooze

SHOP, STORAGE = a_policy("shop", levels=2), a_policy("storage", levels=[a_level(7), a_level(8)])
TO_STORAGE = Assignee(AssigneeKind.POLICY, "storage")
TO_BEN = Assignee(AssigneeKind.PERSON, "ben")


def causes(change):
    return [event.what for event in change.events]


def paged():
    return PagerService.on_timeout(an_unhealthy_service(), Timeout(NOON), current(SHOP)).service


def given(service=None, assignee=TO_STORAGE, moment=NOON):
    return on_reassignment(service or paged(), Reassignment("ana", assignee), moment)


def fired(service, answer, moment, last_known=None):
    resolved = chosen_policy(service.incident, answer, last_known, [CATCH_ALL], moment)
    return PagerService.on_timeout(service, Timeout(moment), resolved)


def whom(change):
    return {page.target.target_id for page in change.notifications}


def test_a_reassignment_cancels_what_waits_and_makes_the_others_due_at_once():
    change = given(moment=after(minutes=1))
    assert change.stops_paging
    assert causes(change) == [IncidentReassigned("ana", TO_STORAGE)]
    assert change.incident.is_due(after(minutes=1))
    asked = question_about(change.service)
    assert asked == PolicyQuestion(
        change.service.monitored_service_id, None, change.incident.incident_id, assignee=TO_STORAGE
    )


def test_their_policy_takes_the_place_of_the_former_one_with_a_cycle_of_its_own():
    change = fired(given().service, STORAGE, NOON)
    assert (whom(change), change.incident.cycle, change.incident.level) == ({"person-7-1", "person-7-2"}, 2, 1)
    assert (change.incident.policy, change.incident.assigned_to) == (STORAGE, None)
    assert question_about(change.service).pinned == ("storage", 1)
    later = fired(change.service, STORAGE, after(minutes=15))
    assert whom(later) == {"person-8-1", "person-8-2"}


def test_before_the_first_page_a_reassignment_decides_whom_it_goes_to():
    change = fired(given(an_unhealthy_service()).service, STORAGE, NOON)
    assert (whom(change), change.incident.cycle) == ({"person-7-1", "person-7-2"}, 1)


@pytest.mark.parametrize(
    "silence",
    [
        lambda service: PagerService.on_acknowledgement(service, Acknowledgement("ana"), NOON).service,
        lambda service: on_snooze(service, Snooze("ana", timedelta(hours=1)), NOON).service,
    ],
    ids=["acknowledged", "snoozed"],
)
def test_it_ends_an_acknowledgement_and_a_snooze(silence):
    change = given(silence(paged()))
    assert (change.incident.state, change.incident.acknowledged_by) == (IncidentState.OPEN, "")
    assert change.incident.held_until is None
    assert whom(fired(change.service, STORAGE, NOON)) == {"person-7-1", "person-7-2"}


def test_if_there_is_nobody_of_that_name_the_former_policy_begins_anew_and_the_timeline_says_so():
    service = given(assignee=TO_BEN).service
    fault = unknown_assignee(service.incident, ABSENT)
    assert fault == ABSENT.fault
    change = on_assignee_unknown(service, fault, NOON)
    assert causes(change) == [AssigneeUnknown(TO_BEN, fault)]
    assert question_about(change.service).pinned == ("shop", 1)
    again = fired(change.service, SHOP, NOON)
    assert (whom(again), again.incident.cycle) == ({"person-1-1", "person-1-2"}, 2)


def test_if_the_former_people_stood_in_already_the_delay_of_their_level_goes_on():
    standing_in = fired(given(assignee=TO_BEN).service, DOWN, NOON)
    change = on_assignee_unknown(standing_in.service, "nobody", after(seconds=10))
    assert (change.incident.assigned_to, change.incident.next_escalation_at) == (None, after(minutes=15))
    assert fired(change.service, SHOP, after(seconds=10)).events == ()
    assert whom(fired(change.service, SHOP, after(minutes=15))) == {"person-2-1", "person-2-2"}


def test_if_the_catch_all_stood_in_the_policy_of_the_service_is_asked_for_at_once():
    standing_in = fired(given(an_unhealthy_service(), assignee=TO_BEN).service, DOWN, NOON)
    change = on_assignee_unknown(standing_in.service, "nobody", after(seconds=10))
    assert whom(fired(change.service, SHOP, after(seconds=10))) == {"person-1-1", "person-1-2"}


@pytest.mark.parametrize("answer", [DOWN, STORAGE])
def test_only_the_word_of_the_policy_service_makes_somebody_unknown(answer):
    assert unknown_assignee(given().incident, answer) == ""
    assert unknown_assignee(paged().incident, ABSENT) == ""


def test_while_nobody_answers_the_former_policy_stands_in_and_the_others_are_looked_for_every_10_seconds():
    standing_in = fired(given().service, DOWN, NOON)
    assert whom(standing_in) == {"person-1-1", "person-1-2"}
    [notified] = [what for what in causes(standing_in) if isinstance(what, LevelNotified)]
    assert (notified.policy_source, notified.policy_fault) == (PolicySource.LAST_KNOWN, DOWN.fault)
    assert standing_in.incident.next_escalation_at == NOON + ASK_AGAIN_AFTER
    looking = fired(standing_in.service, DOWN, after(seconds=10))
    assert (looking.events, looking.incident.next_escalation_at) == ((), NOON + 2 * ASK_AGAIN_AFTER)
    found = fired(looking.service, STORAGE, after(seconds=20))
    assert (whom(found), found.incident.cycle) == ({"person-7-1", "person-7-2"}, 3)
    assert found.incident.assigned_to is None


def test_while_nobody_answers_for_long_the_former_policy_goes_through_its_levels():
    service = fired(given().service, DOWN, NOON).service
    due = replace(service.incident, next_escalation_at=after(minutes=15))
    change = fired(replace(service, incident=due), DOWN, after(minutes=15))
    assert whom(change) == {"person-2-1", "person-2-2"}


def test_when_the_former_policy_is_at_its_end_the_others_are_looked_for_all_the_same():
    change, moment = fired(given().service, DOWN, NOON), NOON
    for _ in range(400):
        moment = change.incident.next_escalation_at
        change = fired(change.service, DOWN, moment)
    assert moment > after(minutes=60)
    assert (change.events, change.incident.exhausted) == ((), False)
    assert change.incident.next_escalation_at == moment + ASK_AGAIN_AFTER
    assert whom(fired(change.service, STORAGE, moment + ASK_AGAIN_AFTER)) == {"person-7-1", "person-7-2"}


def test_if_they_turn_out_to_be_nobody_then_whoever_stood_in_is_not_paged_once_more():
    change = fired(given().service, DOWN, NOON)
    while change.incident.acknowledgement_due_at is not None:
        change = fired(change.service, DOWN, change.incident.next_escalation_at)
    change = on_assignee_unknown(change.service, "no such person", change.incident.next_escalation_at)
    change = fired(change.service, SHOP, change.incident.next_escalation_at)
    assert (whom(change), change.incident.exhausted) == (set(), True)


def test_before_the_first_page_the_last_known_policy_stands_in_and_else_the_catch_all():
    service = given(an_unhealthy_service()).service
    assert whom(fired(service, DOWN, NOON, (SHOP, NOON))) == {"person-1-1", "person-1-2"}
    assert whom(fired(service, DOWN, NOON)) == {"catch-all"}


def test_an_assignee_has_an_id():
    with pytest.raises(InvalidField) as refusal:
        Assignee(AssigneeKind.PERSON, "")
    assert refusal.value.field == "person_id"
