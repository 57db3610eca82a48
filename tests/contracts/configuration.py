"""What applying a configuration promises on every store. A signer gives it a ``store`` whose clock moves on."""

from datetime import timedelta

import pytest
from fakes.policy_builders import a_level, a_policy
from fakes.roster_builders import ANA_MAIL, ANA_PHONE, a_person, a_schedule

from pager_domain.kernel import PolicyId
from pager_domain.policy.applying import ConfigurationApplicationService
from pager_domain.policy.configuration import Action, Configuration
from pager_domain.policy.errors import (
    ConfigurationStale,
    DefaultPolicyExists,
    PersonUnknown,
    ServiceAlreadyCovered,
    TargetUnknown,
)
from pager_domain.policy.levels import schedule_target
from pager_domain.policy.people import PEOPLE
from pager_domain.policy.schedule_application import ScheduleApplicationService
from pager_domain.policy.schedules import SCHEDULES, Override, OverrideId, Replace

SHOP = a_policy("shop", "checkout", levels=(a_level(schedule_target("primary")),))
TEAM = Configuration(
    people=(a_person("ana"), a_person("ben", ANA_PHONE)),
    schedules=(a_schedule("primary", "ana", "ben"),),
    policies=(SHOP,),
)


def told(applied):
    return [(step.kind.name, step.entry_id, step.action) for step in applied.plan.changes]


class ConfigurationContract:
    """The promises, told through the use case."""

    @pytest.fixture
    def store(self):
        raise NotImplementedError

    @pytest.fixture
    def configuration(self, store):
        return ConfigurationApplicationService(store)

    async def test_everything_is_created_at_once_and_a_repeat_changes_nothing(self, store, configuration):
        assert told(await configuration.apply(TEAM)) == [
            ("person", "ana", Action.CREATED),
            ("person", "ben", Action.CREATED),
            ("schedule", "primary", Action.CREATED),
            ("policy", "shop", Action.CREATED),
        ]
        policy = await store.policy(PolicyId("shop"))
        again = await configuration.apply(TEAM)
        assert told(again) == []
        assert len(again.plan.steps) == 4
        assert await store.policy(PolicyId("shop")) == policy

    async def test_what_differs_is_updated_and_named_without_its_content(self, store, configuration):
        await configuration.apply(TEAM)
        moved = Configuration(people=(a_person("ana", ANA_MAIL, ANA_PHONE, display_name="Ana"),))
        applied = await configuration.apply(moved)
        [step] = applied.plan.changes
        assert (step.action, step.fields) == (Action.UPDATED, ("display_name", "contact_methods"))
        [ana] = (await store.newest_entries(PEOPLE, ["ana"])).values()
        assert (ana.revision, ana.definition.display_name) == (2, "Ana")

    async def test_one_fault_changes_nothing(self, store, configuration):
        faulty = Configuration(people=(a_person("ana"),), schedules=(a_schedule("primary", "ana", "nobody"),))
        with pytest.raises(PersonUnknown, match="nobody"):
            await configuration.apply(faulty)
        assert await store.newest_entries(PEOPLE, ["ana"]) == {}

    async def test_a_policy_that_names_what_is_not_there_is_refused_at_its_place(self, configuration):
        faulty = Configuration(policies=(a_policy("zoo", "zoo"), SHOP))  # they are kept in the order of their ids
        with pytest.raises(TargetUnknown, match=r"^escalation_policies\[1\].levels\[0\].targets\[0\].*'primary'"):
            await configuration.apply(faulty)

    async def test_a_plan_changes_nothing_and_says_what_applying_does(self, store, configuration):
        planned = await configuration.apply(TEAM, validated_only=True)
        assert await store.policy(PolicyId("shop")) is None
        applied = await configuration.apply(TEAM, base_etag=planned.plan.base_etag)
        assert told(applied) == told(planned)

    async def test_a_plan_that_others_have_overtaken_is_refused(self, configuration):
        planned = await configuration.apply(TEAM, validated_only=True)
        await configuration.apply(Configuration(people=(a_person("ben"),)))
        with pytest.raises(ConfigurationStale):
            await configuration.apply(TEAM, base_etag=planned.plan.base_etag)

    async def test_policies_can_take_services_and_the_default_place_from_each_other(self, store, configuration):
        await configuration.apply(
            Configuration(policies=(a_policy("a", "x", default_policy=True), a_policy("b", "y", "z")))
        )
        swapped = (a_policy("a", "y"), a_policy("b", "x", "z", default_policy=True))
        await configuration.apply(Configuration(policies=swapped))
        stored = [await store.policy(PolicyId(name)) for name in ("a", "b")]
        assert [policy.definition for policy in stored] == list(swapped)
        coverage = await store.atomically(lambda unit: unit.coverage(["x", "y", "z"]))
        assert coverage.covered_by == {"x": "b", "y": "a", "z": "b"}
        assert coverage.default_policy_id == "b"

    async def test_what_a_policy_outside_has_cannot_be_taken(self, configuration):
        await configuration.apply(Configuration(policies=(a_policy("a", "x", default_policy=True),)))
        with pytest.raises(ServiceAlreadyCovered):
            await configuration.apply(Configuration(policies=(a_policy("b", "x"),)))
        with pytest.raises(DefaultPolicyExists):
            await configuration.apply(Configuration(policies=(a_policy("b", default_policy=True),)))

    async def test_pruning_ends_what_is_not_named(self, store, configuration):
        await configuration.apply(TEAM)
        rest = Configuration(people=(a_person("ana"),), policies=(a_policy("shop", "checkout"),), pruned=True)
        assert told(await configuration.apply(rest)) == [
            ("person", "ben", Action.DELETED),
            ("schedule", "primary", Action.DELETED),
            ("policy", "shop", Action.UPDATED),
        ]
        assert await store.newest_entries(SCHEDULES, ["primary"]) == {}
        assert await store.newest_entries(PEOPLE, ["ben"]) == {}

    async def test_without_pruning_what_is_not_named_stays(self, store, configuration):
        await configuration.apply(TEAM)
        await configuration.apply(Configuration(people=(a_person("cleo"),)))
        assert len(await store.newest_entries(PEOPLE, ["ana", "ben", "cleo"])) == 3

    async def test_overrides_stay_when_a_schedule_is_applied(self, store, configuration):
        await configuration.apply(TEAM)
        now = await store.atomically(lambda unit: unit.now())
        override = Override(OverrideId("trip"), now, now + timedelta(days=1), Replace("ben"))
        await ScheduleApplicationService(store).create_override("primary", override)
        await configuration.apply(Configuration(schedules=(a_schedule("primary", "ana", "ben", display_name="Shop"),)))
        [schedule] = (await store.newest_entries(SCHEDULES, ["primary"])).values()
        assert (schedule.definition.display_name, schedule.definition.overrides) == ("Shop", (override,))

    async def test_whose_time_on_call_changes_is_told(self, configuration):
        created = await configuration.apply(TEAM, validated_only=True)
        total = sum((change.planned for change in created.duty_changes), timedelta())
        assert total <= timedelta(days=7)
        assert all(change.current == timedelta() for change in created.duty_changes)
        await configuration.apply(TEAM)
        only_ana = Configuration(schedules=(a_schedule("primary", "ana"),))
        changes = (await configuration.apply(only_ana)).duty_changes
        gained = {change.person_id: change.planned - change.current for change in changes}
        assert sum(gained.values(), timedelta()) == timedelta()
