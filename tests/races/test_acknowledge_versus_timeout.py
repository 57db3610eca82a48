"""Fault row 45: somebody acknowledges at the moment when the next level is due. It fired before, or never."""

import asyncio
from collections import Counter
from itertools import count

import pytest
from adapters.pager.stored_pager import stored_pager
from builders import a_level, a_policy, acknowledging, an_application, raising
from fakes.escalation_policies import FakeEscalationPolicies
from fakes.senders import FakeSenders
from races.dice import seeded_dice

from pager_domain.pager.audit import violations
from pager_domain.pager.events import IncidentAcknowledged, IncidentId, LevelNotified, Outcome
from pager_domain.pager.model import IncidentState

RACES = {"sqlite": 10_000, "postgresql": 10_000, "serializable": 1_000}
A_ROUND = 250
REPLICAS = 3
POLICY = a_policy(levels=[a_level(n, targets=1, minutes=1) for n in (1, 2, 3)])


class Round:
    """250 services, each with an incident whose next level is due now, and replicas that share a database."""

    def __init__(self, pager, number, dice):
        self.pager, self.dice, self.senders = pager, dice, FakeSenders()
        self.names = [f"service-{number}-{n:03}" for n in range(A_ROUND)]
        ids, policies = count(), FakeEscalationPolicies(POLICY)
        self.replicas = [
            an_application(
                store, outbox, policies, self.senders, lambda: IncidentId(f"incident-{number}-{next(ids):03}")
            )
            for (_, store), outbox in zip(pager.stores(REPLICAS), pager.outboxes(REPLICAS), strict=True)
        ]
        self.answers, self.head_start = {}, dice.choice((30, 60, 120))

    async def prepare(self, levels):
        """So many levels have fired, and their pages went out; now the next one is due."""
        await self.replicas[0].handle([raising(name) for name in self.names])
        for _ in range(levels):
            await self.escalate_all()
            await self.deliver(self.replicas[0], 1000)
            await self.pager.advance(61)

    async def race(self):
        """Everything starts at the same moment, in an order and after as many turns of the loop as the dice say."""
        names, acknowledgements = self.dice.sample(self.names, len(self.names)), []
        while names:
            some, names = names[: (size := self.dice.randint(1, 25))], names[size:]
            acknowledgements.append(self.acknowledge(some))
        escalations = [self.escalate(self.dice.randint(1, A_ROUND)) for _ in range(12)]
        deliveries = [self.deliver(self.dice.choice(self.replicas), 20) for _ in range(4)]
        calls = [*acknowledgements, *escalations, *deliveries]
        await asyncio.gather(*self.dice.sample(calls, len(calls)))

    async def acknowledge(self, names):
        await self.some_turns(self.head_start)
        requests = [acknowledging(name) for name in names]
        answers = await self.pager.retrying(self.dice.choice(self.replicas).handle, requests)
        self.answers |= {answer.service.monitored_service_id: answer for answer in answers}

    async def escalate(self, limit):
        await self.some_turns()
        await self.pager.retrying(self.dice.choice(self.replicas).escalate_due, limit)

    async def escalate_all(self):
        while await self.pager.retrying(self.replicas[0].escalate_due, A_ROUND):
            pass

    async def deliver(self, replica, limit):
        await self.some_turns()
        claims = await self.pager.retrying(replica.claim_due, limit)
        results = [await replica.attempt(claim) for claim in claims]
        await self.pager.retrying(replica.record, results)
        return len(claims)

    async def finish(self):
        """Time goes on: what is due would fire now, and what is owed goes out."""
        await self.pager.advance(61)
        await self.escalate_all()
        while await self.deliver(self.replicas[0], 1000):
            pass

    async def some_turns(self, most=40):
        for _ in range(self.dice.randrange(most)):
            await asyncio.sleep(0)

    def judge(self, records, levels):
        """How many incidents were acknowledged before the next level, and how many after it."""
        assert len(records) == A_ROUND
        found = [str(violation) for record in records for violation in violations(record)]
        assert found == []
        outcomes = [self.judge_one(record) for record in records]
        assert set(outcomes) <= {levels, levels + 1}
        ended = {page.notification.notification_id: page.outcome for record in records for page in record.pages}
        assert set(self.senders.texts) == {page for page, outcome in ended.items() if outcome is Outcome.HANDED_OFF}
        return Counter(outcome - levels for outcome in outcomes)

    def judge_one(self, record):
        """How many levels fired: the answer to the acknowledgement says the same as all that is stored."""
        incident, kinds = record.incident, [type(event.what) for event in record.events]
        answer = self.answers[incident.monitored_service_id]
        fired = kinds.count(LevelNotified)
        assert incident.state is IncidentState.ACKNOWLEDGED
        assert answer.changed
        assert answer.incident.level == incident.level == fired == len(record.pages)
        assert kinds.count(IncidentAcknowledged) == 1
        assert LevelNotified not in kinds[kinds.index(IncidentAcknowledged) :]
        assert all(page.outcome in {Outcome.HANDED_OFF, Outcome.CANCELLED} for page in record.pages)
        return fired


@pytest.mark.timeout(300)
async def test_either_the_level_fired_before_the_acknowledgement_or_it_never_fires(database_url, request):
    races, results = RACES[request.node.callspec.params["database_url"]], Counter()
    async with stored_pager(database_url, replicas=REPLICAS, frozen=True) as pager:
        with seeded_dice() as dice:
            for number in range(races // A_ROUND):
                results += await a_round(pager, number, dice, (0, 1, 0, 2)[number % 4])
    assert sum(results.values()) == races
    assert min(results[0], results[1]) > races / 50, f"hardly a race: {results}"


async def a_round(pager, number, dice, levels):
    race = Round(pager, number, dice)
    await race.prepare(levels)
    await race.race()
    await race.finish()
    return race.judge(await pager.records(f"service-{number}-"), levels)
