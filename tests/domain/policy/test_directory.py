"""Which policy answers a question."""

from datetime import UTC, datetime, timedelta

import pytest
from fakes.policy_builders import ANA_PHONE, BEN, a_level

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId, PolicyId
from pager_domain.policy.directory import Directory, FoundPolicy, NewestPolicy, OnePerson, Question
from pager_domain.policy.errors import NoPolicyForService, PolicyUnknown, RevisionUnknown
from pager_domain.policy.levels import person_target
from pager_domain.policy.model import PolicyRevision
from pager_domain.policy.people import PersonId

SHOP = PolicyId("shop")
CHECKOUT = MonitoredServiceId("checkout")

NAMED = FoundPolicy(SHOP, 2, (a_level(),), 0)
OLD = FoundPolicy(SHOP, 1, (a_level(BEN),), 1)
CATCH_ALL = FoundPolicy(PolicyId("catch-all"), 7, (a_level(ANA_PHONE),), 0)


def directory(default=None):
    return Directory({CHECKOUT: NAMED}, default, {PolicyRevision(SHOP, 1): OLD}, frozenset({SHOP}), {SHOP: NAMED})


def test_a_service_is_answered_by_the_policy_that_names_it():
    assert directory(CATCH_ALL).find(CHECKOUT) == NAMED


def test_a_service_that_nobody_names_is_answered_by_the_default():
    answer = directory(CATCH_ALL).find(MonitoredServiceId("search"))
    assert (answer.policy_id, answer.revision, answer.defaulted) == ("catch-all", 7, True)


def test_without_a_default_a_service_that_nobody_names_has_no_policy():
    answer = directory().find(MonitoredServiceId("search"))
    assert isinstance(answer, NoPolicyForService)
    assert answer.monitored_service_id == "search"


def test_a_pinned_revision_is_answered_as_it_was():
    assert directory(CATCH_ALL).find(PolicyRevision(SHOP, 1)) == OLD


def test_a_revision_that_never_was_is_told_from_a_policy_that_never_was():
    unknown_revision = directory(CATCH_ALL).find(PolicyRevision(SHOP, 9))
    assert isinstance(unknown_revision, RevisionUnknown)
    assert unknown_revision.metadata == {"policy_id": "shop", "revision": "9"}
    assert isinstance(directory(CATCH_ALL).find(PolicyRevision(PolicyId("nobody"), 1)), PolicyUnknown)


def test_a_policy_by_its_id_is_answered_as_it_is_now():
    assert directory().find(NewestPolicy(SHOP)) == NAMED
    assert isinstance(directory().find(NewestPolicy(PolicyId("nobody"))), PolicyUnknown)


def test_a_person_is_answered_by_a_policy_of_one_level_that_names_that_person():
    answer = directory().find(OnePerson(PersonId("ana")))
    assert (answer.policy_id, answer.revision) == ("person/ana", 1)
    assert [level.targets for level in answer.levels] == [(person_target("ana"),)]


def test_the_policy_of_a_person_can_be_pinned_like_any_other():
    pinned = PolicyRevision(PolicyId("person/ana"), 1)
    assert directory().find(pinned) == directory().find(OnePerson(PersonId("ana")))
    assert isinstance(directory().find(PolicyRevision(PolicyId("person/ana"), 2)), RevisionUnknown)
    assert isinstance(directory().find(PolicyRevision(PolicyId("person/"), 1)), PolicyUnknown)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"at": datetime(2026, 1, 1)}, "at_time"),  # noqa: DTZ001 - that is what is refused
        ({"at": datetime(9999, 1, 1, tzinfo=UTC)}, "at_time"),
        ({"forecast": timedelta(hours=48, microseconds=1)}, "forecast"),
        ({"forecast": timedelta(seconds=-1)}, "forecast"),
        ({"incident_id": "x" * 256}, "incident_id"),
    ],
)
def test_a_question_names_the_field_that_it_refuses(asked, field):
    with pytest.raises(InvalidField) as refused:
        Question(CHECKOUT, **asked)
    assert refused.value.field == field
