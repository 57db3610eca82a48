from datetime import timedelta

import pytest
from fakes.policy_builders import BEN, a_level, a_policy, named, paged
from fakes.policy_store import FakePolicyStore

from pager_domain.errors import StoreUnavailable
from pager_domain.kernel import MonitoredServiceId, PolicyId
from pager_domain.policy.application import PolicyApplicationService
from pager_domain.policy.directory import Question
from pager_domain.policy.errors import (
    DefaultPolicyExists,
    NoPolicyForService,
    PolicyExists,
    PolicyUnknown,
    RevisionUnknown,
    ServiceAlreadyCovered,
    StaleEtag,
)
from pager_domain.policy.model import PolicyRevision

SHOP = PolicyId("shop")
CHECKOUT = MonitoredServiceId("checkout")


@pytest.fixture
def store():
    return FakePolicyStore()


@pytest.fixture
def policies(store):
    return PolicyApplicationService(store)


async def test_a_created_policy_is_kept_and_answers_for_its_services(store, policies):
    created = await policies.create(a_policy("shop", "checkout"))
    assert store.records[SHOP].live == created
    assert created.create_time == store.clock
    assert paged(await policies.resolve(Question(CHECKOUT))) == named(created)


async def test_a_policy_that_takes_what_another_has_is_not_kept(store, policies):
    await policies.create(a_policy("shop", "checkout", default_policy=True))
    with pytest.raises(ServiceAlreadyCovered):
        await policies.create(a_policy("other", "checkout"))
    with pytest.raises(DefaultPolicyExists):
        await policies.create(a_policy("other", default_policy=True))
    with pytest.raises(PolicyExists):
        await policies.create(a_policy("shop"))
    assert list(store.records) == ["shop"]


async def test_an_update_moves_time_on_and_answers_differently(store, policies):
    created = await policies.create(a_policy("shop", "checkout"))
    store.clock += timedelta(hours=1)
    await policies.update(a_policy("shop", "checkout", levels=(a_level(BEN),)), created.etag)
    assert (await policies.policy(SHOP)).update_time == store.clock
    assert paged(await policies.resolve(Question(CHECKOUT))) == [["ben@example.com"]]
    assert paged(await policies.resolve(Question(PolicyRevision(SHOP, 1)))) == [["ana@example.com"]]


async def test_an_update_that_changes_nothing_is_not_kept_again(store, policies):
    created = await policies.create(a_policy("shop", "checkout"))
    store.clock += timedelta(hours=1)
    assert await policies.update(a_policy("shop", "checkout"), created.etag) == created
    assert list(store.revisions) == [PolicyRevision(SHOP, 1)]


async def test_an_update_that_takes_what_another_has_leaves_the_policy_as_it_was(policies):
    await policies.create(a_policy("other", "checkout", default_policy=True))
    created = await policies.create(a_policy("shop"))
    with pytest.raises(ServiceAlreadyCovered):
        await policies.update(a_policy("shop", "checkout"), created.etag)
    with pytest.raises(DefaultPolicyExists):
        await policies.update(a_policy("shop", default_policy=True), created.etag)
    assert await policies.policy(SHOP) == created


async def test_an_update_with_an_old_etag_is_refused(policies):
    created = await policies.create(a_policy("shop"))
    await policies.update(a_policy("shop", repeat_count=1), created.etag)
    with pytest.raises(StaleEtag):
        await policies.update(a_policy("shop", repeat_count=2), created.etag)


async def test_a_deleted_policy_is_unknown_but_its_revisions_answer(policies):
    created = await policies.create(a_policy("shop", "checkout"))
    await policies.delete(SHOP, created.etag)
    for call in (policies.policy(SHOP), policies.update(a_policy(), created.etag), policies.delete(SHOP, created.etag)):
        with pytest.raises(PolicyUnknown):
            await call
    with pytest.raises(NoPolicyForService):
        await policies.resolve(Question(CHECKOUT))
    assert paged(await policies.resolve(Question(PolicyRevision(SHOP, 1)))) == named(created)


async def test_a_deletion_with_an_old_etag_is_refused(policies):
    created = await policies.create(a_policy("shop"))
    await policies.update(a_policy("shop", repeat_count=1), created.etag)
    with pytest.raises(StaleEtag):
        await policies.delete(SHOP, created.etag)


async def test_an_etag_of_an_earlier_life_does_not_fit(policies):
    created = await policies.create(a_policy("shop"))
    await policies.delete(SHOP, created.etag)
    again = await policies.create(a_policy("shop"))
    assert again.revision == 2
    with pytest.raises(StaleEtag):
        await policies.delete(SHOP, created.etag)


async def test_one_question_without_an_answer_raises_its_reason(policies):
    await policies.create(a_policy("shop"))
    with pytest.raises(NoPolicyForService):
        await policies.resolve(Question(CHECKOUT))
    with pytest.raises(RevisionUnknown):
        await policies.resolve(Question(PolicyRevision(SHOP, 2)))
    with pytest.raises(PolicyUnknown):
        await policies.resolve(Question(PolicyRevision(PolicyId("nobody"), 1)))


async def test_policies_are_listed_behind_the_last_one_seen(policies):
    for policy_id in ("b", "a", "c"):
        await policies.create(a_policy(policy_id))
    assert [policy.policy_id for policy in await policies.policies(None, 2)] == ["a", "b"]
    assert [policy.policy_id for policy in await policies.policies(PolicyId("b"), 2)] == ["c"]


async def test_a_store_out_of_reach_is_said_to_be_so(store, policies):
    store.unreachable = True
    for call in (policies.create(a_policy()), policies.policy(SHOP), policies.resolve(Question(CHECKOUT))):
        with pytest.raises(StoreUnavailable):
            await call
