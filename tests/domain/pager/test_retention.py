"""What may be forgotten, and when."""

from datetime import timedelta

import pytest
from builders import NOON, an_incident

from pager_domain.errors import InvalidField
from pager_domain.pager.events import Outcome
from pager_domain.pager.model import IncidentState
from pager_domain.pager.retention import ANSWERS_KEPT, LEAST_KEPT, Past, Retention, is_over

LATER = NOON + timedelta(seconds=1)
RESOLVED = an_incident(state=IncidentState.RESOLVED, next_escalation_at=None, resolved_at=NOON)


def test_a_resolved_incident_is_over_when_all_of_its_pages_have_ended():
    assert is_over(RESOLVED, [Outcome.HANDED_OFF, Outcome.CANCELLED, Outcome.IN_DOUBT], LATER)
    assert is_over(RESOLVED, [], LATER)


def test_it_is_not_while_one_page_is_owed():
    assert not is_over(RESOLVED, [Outcome.HANDED_OFF, None], LATER)


def test_it_is_not_before_its_time():
    assert not is_over(RESOLVED, [], NOON)


@pytest.mark.parametrize("state", [IncidentState.OPEN, IncidentState.ACKNOWLEDGED])
def test_an_incident_that_is_not_resolved_is_never_over(state):
    assert not is_over(an_incident(state=state), [Outcome.HANDED_OFF], NOON + timedelta(days=9_999))


def test_answers_are_kept_for_longer_than_callers_are_promised_and_never_longer_than_what_they_name():
    assert timedelta(hours=24) < ANSWERS_KEPT
    horizons = Retention(LEAST_KEPT).horizons(NOON)
    assert horizons[Past.INCIDENT] <= horizons[Past.REQUEST_ANSWER] == NOON - ANSWERS_KEPT


def test_what_names_something_else_goes_first():
    assert list(Retention(LEAST_KEPT).horizons(NOON)) == [*Past]
    assert [*Past] == [Past.REQUEST_ANSWER, Past.INCIDENT, Past.BUNDLE, Past.RECIPIENT]


def test_nobody_forgets_sooner_than_answers_may_go():
    with pytest.raises(InvalidField):
        Retention(LEAST_KEPT - timedelta(seconds=1))
