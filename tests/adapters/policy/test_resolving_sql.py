"""Whom policies page, on both engines: the promises, and what a batch costs in statements."""

import pytest
from contracts.resolving import ResolvingContract, always_on_call, reachable
from fakes.policy_builders import a_level, a_policy

from pager_domain.policy.application import PolicyApplicationService
from pager_domain.policy.directory import NewestPolicy, Question
from pager_domain.policy.levels import Selection, person_target, schedule_target
from pager_domain.policy.people import PEOPLE
from pager_domain.policy.schedules import SCHEDULES
from pager_grpc.policy.escalation_policies_sql import SqlPolicyStore
from pager_grpc.policy.policy_reads_sql import SqlPolicyReads


class TestSqlResolving(ResolvingContract):
    @pytest.fixture
    def store(self, database):
        return SqlPolicyStore(database)


class CountedReads(SqlPolicyReads):
    """Each of these reads is one statement; which ones were made is noted."""

    def __init__(self, asked, *rest):
        super().__init__(*rest)
        self._asked_for = asked

    async def directory(self, subjects):
        self._asked_for.append("directory")
        return await super().directory(subjects)

    async def newest_entries(self, kind, entry_ids):
        self._asked_for.append(kind.name)
        return await super().newest_entries(kind, entry_ids)

    async def _stood(self, asked):
        self._asked_for.append("schedules of before")
        return await super()._stood(asked)

    async def turns(self, levels, seats):
        self._asked_for.append("turns")
        return await super().turns(levels, seats)


class CountedStore(SqlPolicyStore):
    """Whose reads are noted."""

    def __init__(self, database):
        super().__init__(database)
        self.asked = []

    async def reading(self, work):
        async with self._database.snapshot() as connection:
            return await work(CountedReads(self.asked, self._database, connection, self._statements))


async def test_a_thousand_questions_are_as_many_reads_as_one(database):
    store = CountedStore(database)
    policies = PolicyApplicationService(store)

    async def fill(unit):
        now = await unit.now()
        for kind, definitions in (
            (PEOPLE, [reachable(f"p{n}") for n in range(20)]),
            (SCHEDULES, [always_on_call(f"s{n}", f"p{n}") for n in range(20)]),
        ):
            for definition in definitions:
                await unit.save_entry(kind, kind.made(definition, 1, now, now))
        return now

    now = await store.atomically(fill)
    for n in range(20):
        levels = (
            a_level(schedule_target(f"s{n}")),
            a_level(person_target("p1"), person_target("p2"), selection=Selection.ROUND_ROBIN),
        )
        await policies.create(a_policy(f"policy-{n}", levels=levels))
    questions = [Question(NewestPolicy(f"policy-{n % 20}"), None if n % 3 else now) for n in range(1000)]
    answers = await policies.resolve_all(questions)
    assert [len(answer.levels[0].targets) for answer in answers] == [1] * 1000
    assert sorted(store.asked) == ["directory", "person", "schedule", "schedules of before", "turns"]
