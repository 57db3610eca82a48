"""What every change log promises of what a policy store changes. A signer gives it a ``store`` and a ``change_log``."""

from dataclasses import replace
from datetime import UTC, timedelta

import pytest
from fakes.policy_builders import a_policy
from fakes.roster_builders import a_person, a_schedule

from pager_domain.changes.model import ObjectKind
from pager_domain.changes.ports.change_log import AskedChanges, ChangeLog
from pager_domain.policy.application import PolicyApplicationService
from pager_domain.policy.applying import ConfigurationApplicationService
from pager_domain.policy.configuration import Configuration
from pager_domain.policy.errors import PersonExists, StaleEtag
from pager_domain.policy.people_application import PeopleApplicationService
from pager_domain.policy.ports.policy_store import PolicyStore

ALL = AskedChanges()


class ChangeLogContract:
    """The promises, told through the use cases."""

    @pytest.fixture
    def store(self) -> PolicyStore:
        raise NotImplementedError

    @pytest.fixture
    def change_log(self, store) -> ChangeLog:
        raise NotImplementedError

    @pytest.fixture
    def policies(self, store):
        return PolicyApplicationService(store)

    @pytest.fixture
    def people(self, store):
        return PeopleApplicationService(store)

    async def test_each_change_of_an_object_leaves_one_record_the_newest_first(self, change_log, policies):
        first = await policies.create(a_policy("shop", "checkout", display_name="Shop"))
        second = await policies.update(replace(first.definition, display_name="Shöp"), first.etag)
        await policies.delete("shop", second.etag)
        ended, changed, made = await change_log.newest(ALL, 10, None)
        assert {record.change.object_id for record in (ended, changed, made)} == {"shop"}
        assert (made.change.before, made.change.after["display_name"]) == (None, "Shop")
        assert made.change.after["monitored_service_ids"] == ["checkout"]
        assert (changed.change.before, changed.change.after) == ({"display_name": "Shop"}, {"display_name": "Shöp"})
        assert (ended.change.before["display_name"], ended.change.after) == ("Shöp", None)
        assert ended.recorded_at >= made.recorded_at
        assert made.recorded_at.tzinfo is UTC
        assert ended.record_id > changed.record_id > made.record_id

    async def test_what_changes_nothing_and_what_fails_leave_none(self, change_log, policies, people):
        first = await policies.create(a_policy("shop"))
        await people.create(a_person("ana"))
        before = await change_log.newest(ALL, 10, None)
        await policies.update(first.definition, first.etag)
        with pytest.raises(StaleEtag):
            await policies.delete("shop", "other")
        with pytest.raises(PersonExists):
            await people.create(a_person("ana"))
        assert await change_log.newest(ALL, 10, None) == before

    async def test_a_configuration_leaves_a_record_an_object_and_a_trial_none(self, store, change_log):
        applying = ConfigurationApplicationService(store)
        wanted = Configuration(
            people=(a_person("ana"),), schedules=(a_schedule("s", "ana"),), policies=(a_policy("p", "checkout"),)
        )
        await applying.apply(wanted, validated_only=True)
        assert await change_log.newest(ALL, 10, None) == []
        await applying.apply(wanted)
        await applying.apply(Configuration(pruned=True))
        changes = [record.change for record in await change_log.newest(ALL, 10, None)]
        made = [(change.kind, change.object_id) for change in changes if change.before is None]
        ended = [(change.kind, change.object_id) for change in changes if change.after is None]
        assert (
            sorted(made)
            == sorted(ended)
            == [(ObjectKind.PERSON, "ana"), (ObjectKind.ESCALATION_POLICY, "p"), (ObjectKind.SCHEDULE, "s")]
        )

    async def test_a_policy_that_takes_a_service_from_another_is_told_as_it_was(self, store, change_log, policies):
        await policies.create(a_policy("a", "checkout"))
        await policies.create(a_policy("b", "billing"))
        await ConfigurationApplicationService(store).apply(
            Configuration(policies=(a_policy("a", "billing"), a_policy("b", "checkout")))
        )
        swapped = [record.change for record in await change_log.newest(ALL, 2, None)]
        told = {change.object_id: (change.before, change.after) for change in swapped}
        checkout, billing = {"monitored_service_ids": ["checkout"]}, {"monitored_service_ids": ["billing"]}
        assert told == {"a": (checkout, billing), "b": (billing, checkout)}

    async def test_records_are_found_by_kind_by_object_and_by_time(self, change_log, policies, people):
        await policies.create(a_policy("ana"))
        await people.create(a_person("ana"))
        await people.create(a_person("ben"))
        everything = await change_log.newest(ALL, 10, None)
        ben, ana, policy = everything
        assert await change_log.newest(AskedChanges(kind=ObjectKind.PERSON), 10, None) == [ben, ana]
        assert await change_log.newest(AskedChanges(object_id="ana"), 10, None) == [ana, policy]
        assert await change_log.newest(AskedChanges(ObjectKind.PERSON, "ana"), 10, None) == [ana]
        assert await change_log.newest(AskedChanges(since=policy.recorded_at), 10, None) == everything
        later = max(record.recorded_at for record in everything) + timedelta(microseconds=1)
        assert await change_log.newest(AskedChanges(since=later), 10, None) == []

    async def test_a_page_ends_at_its_limit_and_the_next_one_goes_on(self, change_log, people):
        for name in ("a", "b", "c"):
            await people.create(a_person(name))
        first = await change_log.newest(ALL, 2, None)
        rest = await change_log.newest(ALL, 2, first[-1].record_id)
        assert [record.change.object_id for record in [*first, *rest]] == ["c", "b", "a"]
