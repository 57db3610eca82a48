"""What every policy store promises. A signer subclasses :class:`PolicyStoreContract` and gives it a ``store``."""

import asyncio
from datetime import UTC

import pytest
from fakes.policy_builders import ANA_PHONE, BEN, a_level, a_policy, about, named, paged

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
from pager_domain.policy.model import POLICIES, EscalationPolicy, PolicyRevision
from pager_domain.policy.ports.policy_store import PolicyStore, PolicyUnitOfWork
from pager_domain.policy.resolved import ResolvedEscalation
from pager_domain.policy.revisions import Record

SHOP = PolicyId("shop")
CHECKOUT = MonitoredServiceId("checkout")


def at(policy: EscalationPolicy) -> PolicyRevision:
    return PolicyRevision(policy.policy_id, policy.revision)


class PolicyStoreContract:
    """The promises, told through the use cases."""

    @pytest.fixture
    def store(self) -> PolicyStore:
        raise NotImplementedError

    @pytest.fixture
    def policies(self, store):
        return PolicyApplicationService(store)

    async def test_a_policy_is_read_as_it_was_stored(self, store, policies):
        levels = (a_level(ANA_PHONE, BEN, minutes=3), a_level(minutes=30))
        stored = await policies.create(
            a_policy(
                "shop", "payments", "checkout", levels=levels, repeat_count=2, display_name="Shöp", default_policy=True
            )
        )
        assert await store.policy(SHOP) == stored
        assert stored.definition.monitored_service_ids == ("checkout", "payments")
        assert stored.create_time == stored.update_time
        assert stored.create_time.tzinfo is UTC

    async def test_an_id_nobody_used_has_no_past(self, store):
        assert await store.policy(SHOP) is None
        assert await store.atomically(lambda unit: unit.lock(SHOP)) == Record(POLICIES, SHOP)

    async def test_policies_are_listed_in_order_of_their_ids(self, store, policies):
        for policy_id in ("b", "B", "ä", "a", "a-1", "a_1"):
            await policies.create(a_policy(policy_id))
        listed = [policy.policy_id for policy in await store.policies(None, 10)]
        assert listed == ["B", "a", "a-1", "a_1", "b", "ä"]
        assert [policy.policy_id for policy in await store.policies(PolicyId("a"), 2)] == ["a-1", "a_1"]

    async def test_an_ended_policy_is_neither_read_nor_listed(self, store, policies):
        stored = await policies.create(a_policy("shop", "checkout", default_policy=True))
        await policies.delete(SHOP, stored.etag)
        assert await store.policy(SHOP) is None
        assert await store.policies(None, 10) == []
        with pytest.raises(NoPolicyForService):
            await policies.resolve(Question(CHECKOUT))

    async def test_an_ended_policy_frees_its_services_and_the_default_place(self, policies):
        stored = await policies.create(a_policy("shop", "checkout", default_policy=True))
        await policies.delete(SHOP, stored.etag)
        await policies.create(a_policy("other", "checkout", default_policy=True))
        assert (await policies.resolve(Question(CHECKOUT))).policy_id == "other"

    async def test_every_revision_stays_resolvable_also_after_the_end(self, policies):
        first = await policies.create(a_policy("shop", "checkout"))
        second = await policies.update(a_policy("shop", levels=(a_level(BEN),), repeat_count=1), first.etag)
        await policies.delete(SHOP, second.etag)
        third = await policies.create(a_policy("shop", levels=(a_level(ANA_PHONE),)))
        answers = await policies.resolve_all(about(at(first), at(second), at(third)))
        assert [answer.revision for answer in answers] == [1, 2, 3]
        assert [paged(answer) for answer in answers] == [named(policy) for policy in (first, second, third)]
        assert [answer.repeat_count for answer in answers] == [0, 1, 0]

    async def test_a_service_that_an_update_drops_is_free_again(self, policies):
        first = await policies.create(a_policy("shop", "checkout", "payments"))
        await policies.update(a_policy("shop", "payments", "search"), first.etag)
        await policies.create(a_policy("other", "checkout"))
        answers = await policies.resolve_all(about("checkout", "payments", "search"))
        assert [answer.policy_id for answer in answers] == ["other", "shop", "shop"]

    async def test_a_batch_is_answered_in_order_each_on_its_own(self, policies):
        shop = await policies.create(a_policy("shop", "checkout"))
        questions = [
            MonitoredServiceId("unknown"),
            CHECKOUT,
            PolicyRevision(PolicyId("nobody"), 1),
            at(shop),
            PolicyRevision(SHOP, 2),
            PolicyRevision(SHOP, 2**63 - 1),
            CHECKOUT,
        ]
        answers = await policies.resolve_all(about(*questions))
        found = [answer for answer in answers if isinstance(answer, ResolvedEscalation)]
        assert [(answer.policy_id, answer.revision, paged(answer)) for answer in found] == [(SHOP, 1, named(shop))] * 3
        kinds = [type(answer) for answer in answers]
        assert kinds[0] is NoPolicyForService
        assert kinds[2] is PolicyUnknown
        assert kinds[4] is kinds[5] is RevisionUnknown

    async def test_a_service_that_no_policy_names_gets_the_default(self, policies):
        await policies.create(a_policy("catch-all", "search", default_policy=True))
        by_default, named = await policies.resolve_all(about(CHECKOUT, "search"))
        assert (by_default.policy_id, by_default.defaulted) == ("catch-all", True)
        assert (named.policy_id, named.defaulted) == ("catch-all", False)

    async def test_a_thousand_questions_are_answered_at_once(self, policies):
        services = [MonitoredServiceId(f"service-{number}") for number in range(1000)]
        await policies.create(a_policy("shop", *services))
        answers = await policies.resolve_all(about(*services))
        assert {answer.policy_id for answer in answers} == {"shop"}

    async def test_what_fails_halfway_leaves_nothing(self, store, policies):
        async def work(unit: PolicyUnitOfWork) -> None:
            record = await unit.lock(SHOP)
            await unit.save(record.create(a_policy("shop", "checkout"), await unit.now()))
            raise PolicyExists("shop")

        with pytest.raises(PolicyExists):
            await store.atomically(work)
        assert await store.policy(SHOP) is None
        await policies.create(a_policy("other", "checkout"))

    async def test_of_racing_policies_for_one_service_exactly_one_covers_it(self, policies):
        results = await _race(*(policies.create(a_policy(f"p{n}", "checkout", f"own-{n}")) for n in range(5)))
        [winner] = [result for result in results if isinstance(result, EscalationPolicy)]
        refusals = [result for result in results if result is not winner]
        assert {type(refusal) for refusal in refusals} == {ServiceAlreadyCovered}
        assert {(r.monitored_service_id, r.policy_id) for r in refusals} == {("checkout", winner.policy_id)}
        assert (await policies.resolve(Question(CHECKOUT))).policy_id == winner.policy_id

    async def test_of_racing_defaults_exactly_one_is_the_default(self, policies):
        results = await _race(*(policies.create(a_policy(f"p{n}", default_policy=True)) for n in range(5)))
        [winner] = [result for result in results if isinstance(result, EscalationPolicy)]
        refusals = [result for result in results if result is not winner]
        assert {type(refusal) for refusal in refusals} == {DefaultPolicyExists}
        assert {refusal.policy_id for refusal in refusals} == {winner.policy_id}

    async def test_of_racing_creations_of_one_id_exactly_one_wins(self, policies):
        results = await _race(*(policies.create(a_policy("shop", f"own-{n}")) for n in range(5)))
        assert sorted(type(result).__name__ for result in results) == ["EscalationPolicy"] + ["PolicyExists"] * 4

    async def test_of_racing_updates_with_one_etag_exactly_one_wins(self, policies):
        first = await policies.create(a_policy("shop"))
        results = await _race(*(policies.update(a_policy("shop", repeat_count=n), first.etag) for n in range(1, 6)))
        [winner] = [result for result in results if isinstance(result, EscalationPolicy)]
        assert {type(result) for result in results if result is not winner} == {StaleEtag}
        assert winner.revision == 2
        assert await policies.policy(SHOP) == winner


async def _race(*calls):
    return await asyncio.gather(*calls, return_exceptions=True)
