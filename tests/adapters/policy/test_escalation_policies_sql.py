import asyncio

import pytest
from adapters.plans import watching_plans
from adapters.round_trips import watching_round_trips
from contracts.policy_store import PolicyStoreContract
from contracts.resolving import reachable
from contracts.roster_store import RosterStoreContract
from fakes.policy_builders import a_level, a_policy, about
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError

from pager_domain.errors import StoreUnavailable
from pager_domain.kernel import PolicyId
from pager_domain.policy.application import PolicyApplicationService
from pager_domain.policy.errors import DefaultPolicyExists, PolicyExists, ServiceAlreadyCovered
from pager_domain.policy.levels import person_target
from pager_domain.policy.model import PolicyRevision
from pager_domain.policy.people import PEOPLE
from pager_grpc.policy.escalation_policies_sql import SqlPolicyStore
from pager_grpc.policy.tables import POLICY_COVERAGE
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate


class TestSqlPolicyStore(PolicyStoreContract):
    @pytest.fixture
    def store(self, database):
        return SqlPolicyStore(database)


class TestSqlRoster(RosterStoreContract):
    @pytest.fixture
    def store(self, database):
        return SqlPolicyStore(database)


@pytest.fixture
def policies(database):
    return PolicyApplicationService(SqlPolicyStore(database))


async def test_the_database_itself_refuses_to_cover_a_service_twice(database, policies):
    await policies.create(a_policy("shop", "checkout"))
    await policies.create(a_policy("other"))
    row = {"monitored_service_id": "checkout", "policy_id": "other"}
    with pytest.raises(IntegrityError):
        async with database.begin() as connection:
            await connection.execute(insert(POLICY_COVERAGE).values(row))


async def test_the_database_itself_refuses_a_second_default(database, policies):
    await policies.create(a_policy("shop", default_policy=True))
    await policies.create(a_policy("other"))
    with pytest.raises(IntegrityError):
        async with database.begin() as connection:
            await connection.execute(text("UPDATE escalation_policies SET default_policy = true"))


async def test_a_batch_of_questions_is_one_statement(database, policies):
    shop = await policies.create(a_policy("shop", "checkout"))
    async with watching_plans(database, (), ()) as plans:
        await policies.resolve_all(about("checkout", "x", PolicyRevision(PolicyId("shop"), 1)))
    assert shop.revision == 1
    [asked] = [each for each in plans.statements.elements() if "default_transaction_isolation" not in each]
    assert "asked_revisions" in asked


async def test_a_batch_of_questions_is_one_round_trip_where_nobody_is_named(postgres_url):
    database = open_database(postgres_url)
    await migrate(database, "policy")
    policies = PolicyApplicationService(SqlPolicyStore(database))
    await policies.create(a_policy("shop", "checkout"))
    async with watching_round_trips(database) as sent:
        await policies.resolve_all(about("checkout", "x", PolicyRevision(PolicyId("shop"), 1)))
    assert sent == ["WITH asked_services AS"]
    await database.close()


async def test_where_somebody_is_named_all_is_read_in_one_snapshot(postgres_url):
    database = open_database(postgres_url)
    await migrate(database, "policy")
    store = SqlPolicyStore(database)
    policies = PolicyApplicationService(store)

    async def hire(unit):
        now = await unit.now()
        await unit.save_entry(PEOPLE, PEOPLE.made(reachable("ana"), 1, now, now))

    await store.atomically(hire)
    await policies.create(a_policy("shop", "checkout", levels=(a_level(person_target("ana")),)))
    async with watching_round_trips(database) as sent:
        [answer] = await policies.resolve_all(about("checkout"))
    assert [target.person_id for target in answer.levels[0].targets] == ["ana"]
    directory, people = "WITH asked_services AS", "SELECT r.entry_id, r.revision,"
    assert sent == [directory, "BEGIN ISOLATION LEVEL", directory, people, "ROLLBACK"]
    await database.close()


async def test_ten_thousand_services_are_covered_by_one_policy(policies):
    services = [f"service-{number:05}" for number in range(10_000)]
    first = await policies.create(a_policy("shop", *services))
    second = await policies.update(a_policy("shop", *services[1:], "one-more"), first.etag)
    assert (await policies.policy(PolicyId("shop"))) == second
    assert len(second.definition.monitored_service_ids) == 10_000


class BothHaveLooked(SqlPolicyStore):
    """Two writers that meet after both asked who covers what and before either writes: the worst moment."""

    def __init__(self, database, meeting):
        super().__init__(database)
        self._meeting = meeting
        self.attempts = 0

    async def atomically(self, work):
        async def meeting_work(unit):
            self.attempts += 1
            if self.attempts == 1:
                look = unit.coverage

                async def look_and_meet(services):
                    found = await look(services)
                    await self._meeting.wait()
                    return found

                unit.coverage = look_and_meet
            return await work(unit)

        return await super().atomically(meeting_work)


@pytest.mark.parametrize(
    ("one", "other", "refusal"),
    [
        (a_policy("a", "checkout"), a_policy("b", "checkout"), ServiceAlreadyCovered),
        (a_policy("a", default_policy=True), a_policy("b", default_policy=True), DefaultPolicyExists),
        (a_policy("a", "checkout"), a_policy("a", "checkout"), PolicyExists),
    ],
    ids=["service", "default", "id"],
)
async def test_a_writer_that_looked_too_early_is_told_who_was_faster(postgres_url, one, other, refusal):
    database = open_database(postgres_url)
    await migrate(database, "policy")
    meeting = asyncio.Barrier(2)
    stores = BothHaveLooked(database, meeting), BothHaveLooked(database, meeting)
    results = await asyncio.gather(
        *(PolicyApplicationService(store).create(policy) for store, policy in zip(stores, (one, other), strict=True)),
        return_exceptions=True,
    )
    await database.close()
    [refused] = [result for result in results if isinstance(result, Exception)]
    [winner] = [result for result in results if result is not refused]
    assert type(refused) is refusal
    assert refused.policy_id == winner.policy_id
    assert sorted(store.attempts for store in stores) == [1, 2]


async def test_a_database_that_does_not_answer_is_unavailable():
    database = open_database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    store = SqlPolicyStore(database)
    with pytest.raises(StoreUnavailable):
        await store.policy(PolicyId("shop"))
    with pytest.raises(StoreUnavailable):
        await store.atomically(lambda unit: unit.lock(PolicyId("shop")))
    await database.close()
