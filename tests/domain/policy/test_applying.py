from datetime import UTC, datetime

import pytest
from contracts.configuration import ConfigurationContract
from domain.policy.test_fake_policy_store import AdvancingStore
from fakes.policy_builders import a_policy
from fakes.policy_store import FakePolicyStore
from fakes.roster_builders import a_person, a_schedule

from pager_domain.errors import InvalidField
from pager_domain.policy.applying import ConfigurationApplicationService
from pager_domain.policy.configuration import Action, Configuration
from pager_domain.policy.people import PEOPLE
from pager_domain.policy.revisions import Record


class TestFakeConfiguration(ConfigurationContract):
    @pytest.fixture
    def store(self):
        store = AdvancingStore()
        store.clock = datetime(2026, 11, 4, tzinfo=UTC)
        return store


async def test_a_longer_id_than_new_people_may_have_is_applied_to_whoever_has_it_already():
    store, long = FakePolicyStore(), "x" * 255
    configuration = ConfigurationApplicationService(store)
    with pytest.raises(InvalidField) as refused:
        await configuration.apply(Configuration(people=(a_person("ana"), a_person(long))))
    assert (refused.value.field, refused.value.limit) == ("people[1].person_id", "must be at most 248 bytes")
    store.roster["person", long] = ((Record(PEOPLE, long).create(a_person(long), store.clock), None),)
    applied = await configuration.apply(Configuration(people=(a_person(long, display_name="Ana"),)))
    assert [step.action for step in applied.plan.steps] == [Action.UPDATED]


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"people": (a_person("ana"), a_person("ana"))}, "people[1].person_id"),
        ({"schedules": (a_schedule("s"), a_schedule("s"))}, "schedules[1].schedule_id"),
        ({"policies": (a_policy("p"), a_policy("p"))}, "escalation_policies[1].policy_id"),
        (
            {"policies": (a_policy("p", "x"), a_policy("q", "w", "x"))},
            "escalation_policies[1].monitored_service_ids[1]",
        ),
        (
            {"policies": (a_policy("p", default_policy=True), a_policy("q", default_policy=True))},
            "escalation_policies[1].default_policy",
        ),
    ],
)
def test_a_configuration_that_contradicts_itself_is_refused_by_field(more, field):
    with pytest.raises(InvalidField) as refused:
        Configuration(**more)
    assert refused.value.field == field
