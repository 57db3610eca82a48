"""A page that is refused for good makes the next one of its target due."""

from dataclasses import replace
from datetime import timedelta

from builders import a_page

from pager_domain.pager.refusals import owed_at_once


def of(step, *, target=1, minutes=0, **more):
    return replace(a_page(target), step=step, delay=timedelta(minutes=minutes), **more)


REFUSED, FIVE, TEN = of(0), of(1, minutes=5), of(2, minutes=10)


def test_the_next_page_of_the_same_target_is_owed_at_once():
    assert owed_at_once([REFUSED], [TEN, FIVE]) == [FIVE]


def test_each_refusal_takes_one_more_step():
    assert owed_at_once([REFUSED, of(0, contact_method_id="other")], [TEN, FIVE]) == [FIVE, TEN]


def test_other_targets_persons_levels_and_cycles_wait_for_their_time():
    others = [of(1, target=3), of(1, person_id="ben"), of(1, level=2), of(1, cycle=2), of(1, incident_id="other")]
    assert owed_at_once([REFUSED], others) == []


def test_who_has_no_further_step_owes_nothing_more():
    assert owed_at_once([REFUSED], []) == []
