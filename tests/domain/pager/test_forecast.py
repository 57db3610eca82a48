"""An outage of the policy service changes nothing about who is paged within the last known day."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import CATCH_ALL, NOON, a_level, a_policy, after, an_incident

from pager_domain.errors import InvalidField
from pager_domain.pager.events import PolicySource
from pager_domain.pager.forecast import standing_at
from pager_domain.pager.levels import EmptyLevel, LaterLevel
from pager_domain.pager.model import EscalationPolicy
from pager_domain.pager.policy_choice import chosen_policy
from pager_domain.pager.ports.escalation_policy_repository import NoPolicy

ANA, BEN, CLEO, LEAD = (a_level(number) for number in (1, 2, 3, 4))
HOUR = timedelta(hours=1)
SHOP = EscalationPolicy(
    "shop", 1, (ANA, LEAD), later=(LaterLevel(1, NOON + 2 * HOUR, BEN), LaterLevel(1, NOON + 10 * HOUR, CLEO))
)
DOWN = NoPolicy("the policy service did not answer", passing=True)
ABSENT = NoPolicy("no such revision", passing=False)


def paged(hours, *, answer=DOWN, pinned=None, known=SHOP):
    """The levels that a firing acts on ``hours`` after the policy was learnt, and where they came from."""
    incident = an_incident(policy=pinned)
    resolved = chosen_policy(incident, answer, known and (known, NOON), (CATCH_ALL,), NOON + hours * HOUR)
    return resolved.policy.levels, resolved.source


@pytest.mark.parametrize(
    ("hours", "on_call"), [(0, ANA), (1.99, ANA), (2, BEN), (9.99, BEN), (10, CLEO), (25, CLEO), (400, CLEO)]
)
def test_who_is_on_call_by_the_forecast_is_paged_and_after_its_end_the_last_goes_on(hours, on_call):
    assert paged(hours) == ((on_call, LEAD), PolicySource.LAST_KNOWN)


def test_each_level_changes_by_itself():
    both = replace(SHOP, later=(*SHOP.later, LaterLevel(2, NOON + 11 * HOUR, ANA)))
    assert [paged(hours, known=both)[0] for hours in (1, 3, 10, 12)] == [
        (ANA, LEAD),
        (BEN, LEAD),
        (CLEO, LEAD),
        (CLEO, ANA),
    ]


@pytest.mark.parametrize("answer", [DOWN, ABSENT])
def test_an_incident_that_pinned_the_policy_pages_who_is_on_call_now(answer):
    pinned = replace(SHOP, later=())
    assert paged(3, pinned=pinned, answer=answer) == ((BEN, LEAD), PolicySource.LAST_KNOWN)


@pytest.mark.parametrize("known", [None, replace(SHOP, revision=2), replace(SHOP, policy_id="other")])
def test_a_forecast_of_something_else_does_not_concern_a_pinned_policy(known):
    assert paged(3, pinned=replace(SHOP, later=()), known=known)[0] == (ANA, LEAD)


def test_what_is_answered_now_counts_more_than_what_was_foretold():
    answer = replace(SHOP, levels=(CLEO, LEAD), later=())
    assert paged(3, answer=answer) == ((CLEO, LEAD), PolicySource.CURRENT)


def test_a_level_at_which_nobody_is_on_call_by_then_is_skipped():
    gap = replace(SHOP, later=(LaterLevel(1, NOON + HOUR, EmptyLevel()),))
    assert paged(3, known=gap) == ((EmptyLevel(), LEAD), PolicySource.LAST_KNOWN)


def test_if_nobody_at_all_is_on_call_by_then_the_catch_all_is_paged():
    gap = replace(SHOP, levels=(ANA,), later=(LaterLevel(1, NOON + HOUR, EmptyLevel()),))
    assert standing_at(gap, NOON + HOUR) is None
    assert paged(3, known=gap)[1] is PolicySource.CATCH_ALL
    assert paged(3, known=gap, pinned=replace(gap, later=())) == ((ANA,), PolicySource.LAST_KNOWN)


@pytest.mark.parametrize("answer", [DOWN, SHOP])
def test_an_incident_pins_no_forecast(answer):
    resolved = chosen_policy(an_incident(), answer, (SHOP, NOON), (CATCH_ALL,), after(seconds=1))
    assert resolved.policy.later == ()


@pytest.mark.parametrize("number", [0, 3])
def test_a_forecast_concerns_levels_that_there_are(number):
    with pytest.raises(InvalidField, match="later"):
        replace(SHOP, later=(LaterLevel(number, NOON, ANA),))


def test_without_a_forecast_the_people_of_the_answer_go_on():
    assert standing_at(a_policy(levels=2), NOON + 5 * HOUR) == a_policy(levels=2)
