"""The last known policies are kept fresh, whatever the number of replicas, and written when they say something new."""

from dataclasses import replace
from datetime import timedelta

import pytest
from adapters.pager.stored_pager import stored_pager
from builders import NOON, a_level, a_policy, an_application, raising
from fakes.escalation_policies import ABSENT, DOWN, FakeEscalationPolicies
from prometheus_client import CollectorRegistry
from sealed import SEALING

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.forecasting import Forecasting
from pager_domain.pager.levels import LaterLevel
from pager_grpc.pager.forecast_loop import ForecastLoop
from pager_grpc.pager.known_policies_sql import SqlKnownPolicies
from pager_grpc.pager.metrics import ForecastMetrics

HOUR = 3600
CHECKOUT, SEARCH = MonitoredServiceId("checkout"), MonitoredServiceId("search")
SHOP = replace(a_policy(levels=2), later=(LaterLevel(1, NOON + timedelta(hours=30), a_level(5)),))


class Known:
    """The known policies of a pager whose time stands still, and the policy service that they come from."""

    def __init__(self, pager) -> None:
        self.pager, self.policies = pager, FakeEscalationPolicies(SHOP)
        self.known = SqlKnownPolicies(pager.database, SEALING)
        self.forecasting = Forecasting(self.known, self.policies)
        self.application = an_application(pager.store, pager.outbox, self.policies)

    async def fires(self, *services):
        await self.application.handle([raising(service) for service in services])
        assert await self.application.escalate_due(10) == len(services)

    async def learnt(self):
        """When the policy of each service was learnt, in hours."""
        found = await self.pager.store.last_known_policies([CHECKOUT, SEARCH])
        return {service: (at - NOON).total_seconds() / HOUR for service, (_, at) in found.items()}


@pytest.fixture
async def known(database_url):
    async with stored_pager(database_url, frozen=True) as pager:
        yield Known(pager)


async def test_a_firing_keeps_the_policy_with_its_forecast(known):
    await known.fires(CHECKOUT)
    [(policy, _)] = (await known.pager.store.last_known_policies([CHECKOUT])).values()
    assert policy == SHOP
    [incident] = await known.pager.views.incidents(CHECKOUT, (), None, 1)
    assert incident.policy == replace(SHOP, later=())


async def test_the_same_policy_is_written_again_only_after_an_hour(known):
    await known.fires(CHECKOUT)
    for minutes, kept in ((30, 0), (29, 0), (1, 1)):
        await known.pager.advance(minutes * 60)
        await known.known.learn({CHECKOUT: SHOP}, [], NOON)
        assert await known.learnt() == {CHECKOUT: kept}


@pytest.mark.parametrize(
    "other",
    [
        replace(SHOP, levels=(a_level(7), SHOP.levels[1])),
        replace(SHOP, revision=2),
        replace(SHOP, later=()),
    ],
    ids=["people", "structure", "forecast"],
)
async def test_a_policy_that_says_something_new_is_written_at_once(known, other):
    await known.fires(CHECKOUT)
    await known.pager.advance(60)
    known.policies.default = other
    await known.known.learn({CHECKOUT: other}, [], NOON)
    [(policy, _)] = (await known.pager.store.last_known_policies([CHECKOUT])).values()
    assert policy == other


async def test_every_known_policy_is_asked_for_again_when_it_is_an_hour_old(known):
    await known.fires(CHECKOUT)
    await known.pager.advance(HOUR / 6)
    await known.fires(SEARCH)
    assert await known.forecasting.step(10) == (0, 0)
    await known.pager.advance(HOUR - HOUR / 6)
    known.policies.asked.clear()
    assert await known.forecasting.step(10) == (1, 1)
    assert [question.monitored_service_id for question in known.policies.asked] == [CHECKOUT]
    assert await known.learnt() == {CHECKOUT: 1, SEARCH: pytest.approx(1 / 6)}
    assert await known.known.seconds_until_due() == HOUR / 6


async def test_no_more_than_the_limit_is_asked_for_the_oldest_first(known):
    await known.fires(SEARCH)
    await known.pager.advance(60)
    await known.fires(CHECKOUT)
    await known.pager.advance(2 * HOUR)
    assert (await known.known.claim(1))[0] == [SEARCH]
    assert (await known.known.claim(10))[0] == [CHECKOUT]


async def test_what_one_replica_asks_for_no_other_asks_for_until_a_minute_has_passed(known):
    await known.fires(CHECKOUT)
    await known.pager.advance(HOUR)
    other = SqlKnownPolicies(known.pager.databases[-1], SEALING)
    assert (await known.known.claim(10))[0] == [CHECKOUT]
    assert (await other.claim(10))[0] == []
    await known.pager.advance(60)
    assert (await other.claim(10))[0] == [CHECKOUT]


async def test_a_policy_service_that_does_not_answer_changes_nothing_and_is_asked_again(known):
    await known.fires(CHECKOUT)
    await known.pager.advance(HOUR)
    known.policies.fault = DOWN
    assert await known.forecasting.step(10) == (1, 0)
    [(policy, _)] = (await known.pager.store.last_known_policies([CHECKOUT])).values()
    assert policy == SHOP
    known.policies.fault = None
    await known.pager.advance(60)
    assert await known.forecasting.step(10) == (1, 1)
    assert (await known.learnt())[CHECKOUT] > 1


async def test_what_nobody_covers_any_more_is_not_known_any_more_unless_it_was_learnt_meanwhile(known):
    await known.fires(CHECKOUT, SEARCH)
    await known.pager.advance(HOUR)
    services, since = await known.known.claim(10)
    await known.pager.advance(1)
    await known.known.learn({SEARCH: SHOP}, [], since)
    await known.known.learn({}, services, since)
    assert (await known.learnt()).keys() == {SEARCH}
    known.policies.fault = ABSENT
    await known.pager.advance(HOUR)
    assert await known.forecasting.step(10) == (1, 1)
    assert await known.learnt() == {}


async def test_the_age_of_the_oldest_is_told_and_grows_while_nobody_answers(known):
    registry, clock = CollectorRegistry(), iter([100.0, 160.0, 200.0, 300.0, 400.0])
    loop = ForecastLoop(known.forecasting, known.known, ForecastMetrics(registry, lambda: next(clock)))

    def age():
        return registry.get_sample_value("pager_oldest_forecast_age_seconds")

    assert await loop.step() == 60
    assert age() == 0
    await known.fires(CHECKOUT)
    await known.pager.advance(HOUR + 5)
    known.policies.fault = DOWN
    assert await loop.step() == 10
    assert age() == HOUR + 65
    known.policies.fault = None
    await known.pager.advance(60)
    assert await loop.step() == 1
    assert await loop.step() == 60
