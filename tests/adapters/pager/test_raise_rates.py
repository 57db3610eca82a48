"""Nobody raises more alerts than his rate: at the limit, one over and a hundred over."""

import asyncio
from collections import Counter
from datetime import timedelta

import grpc
import pytest
from adapters.access.rooms import a_closed_room
from adapters.pager.running import a_running_pager
from fakes.access_builders import a_grant, a_key, shown
from prometheus_client import CollectorRegistry

from pager_domain.access.principal import Role
from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.errors import RaiseRateExceeded
from pager_domain.pager.events import Alert
from pager_domain.pager.model import Request
from pager_domain.token_bucket import TokenBucket
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.pager import raise_rates
from pager_grpc.pager.raise_rates import UNLIMITED, RaiseRates

RAISE = "/pager.v1.PagerService/RaiseAlert"
ALMOST_NEVER = 0.001
"""Alerts a second: while a test runs none is granted beyond the burst."""


@pytest.fixture
def url(tmp_path):
    return f"sqlite+aiosqlite:///{tmp_path / 'pager.db'}"


@pytest.mark.parametrize("over", [1, 100])
async def test_alerts_over_the_rate_are_refused_with_a_time_to_come_back_and_leave_nothing(over, url, tmp_path):
    rate = {"PAGER_RAISE_RATE": ALMOST_NEVER, "PAGER_RAISE_BURST": 3}
    async with a_running_pager(url, tmp_path, **rate) as caller:
        for number in range(3):
            assert (await caller.alert(f"service-{number}")).opened
        for number in range(over):
            fault = await caller.refused(caller.alert(f"over-{number}"))
            assert (fault.code, fault.reason) == (
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "ERROR_REASON_RAISE_RATE_EXCEEDED",
            )
            assert timedelta(seconds=900) < fault.retry_after <= timedelta(seconds=1000)
        stored = [service.monitored_service_id for service in await caller.services()]
        assert stored == ["service-0", "service-1", "service-2"]
        assert (await caller.acknowledge("service-0")).acknowledged
        assert (await caller.healthy("service-1")).resolved


@pytest.mark.parametrize("over", [1, 100])
async def test_of_the_alerts_of_a_stream_those_over_the_rate_are_refused_one_by_one(over, url, tmp_path):
    rate = {"PAGER_RAISE_RATE": ALMOST_NEVER, "PAGER_RAISE_BURST": 3}
    async with a_running_pager(url, tmp_path, **rate) as caller:
        alerts = [pb.RaiseAlertRequest(monitored_service_id=f"s-{n:03}", message="m") for n in range(3 + over)]
        alerts[1].message = ""
        alerts[2 + over].message = ""
        message = pb.RaiseAlertsRequest(alerts=alerts)
        [answer] = [answer async for answer in caller.stub.RaiseAlerts(iter([message]), timeout=15)]
        invalid, over_rate = pb.ERROR_REASON_INVALID_FIELD, pb.ERROR_REASON_RAISE_RATE_EXCEEDED
        # What is malformed costs no token.
        expected = [0, invalid, 0, 0, *[over_rate] * (over - 2), invalid] if over > 1 else [0, invalid, 0, invalid]
        assert [result.error_reason for result in answer.results] == expected
        assert len(await caller.services()) == expected.count(0)
        for result in answer.results:
            assert result.HasField("retry_after") == (result.error_reason == over_rate)


async def test_who_shows_nothing_is_not_limited_unless_the_operator_says_so(url, tmp_path):
    async with a_running_pager(url, tmp_path, PAGER_RAISE_BURST=1) as caller:
        for number in range(5):
            assert (await caller.alert(f"service-{number}")).opened


async def test_each_key_has_a_rate_of_its_own_also_where_the_operator_gave_none(tmp_path):
    one, other = (a_key(name, a_grant(Role.INTEGRATION, ["checkout"])) for name in ("one1", "other1"))
    async with a_closed_room("pager", tmp_path, PAGER_RAISE_BURST=2) as room:
        for key in (one, other):
            await room.keys.add(key)

        async def raised(key, number):
            """How each of so many alerts that were raised at once ended."""
            alert = {"monitored_service_id": "checkout", "message": "m"}
            calls = (room.call(RAISE, alert, key=shown(key.key_id)) for _ in range(number))
            return Counter(getattr(answer, "reason", "taken") for answer in await asyncio.gather(*calls))

        # At ten a second some more may be granted while they come in; a hundred cannot.
        ended = await raised(one, 102)
        assert ended["taken"] >= 2
        assert ended["RAISE_RATE_EXCEEDED"] == 102 - ended["taken"] > 0
        assert await raised(other, 2) == {"taken": 2}


def requests(number):
    return [Request(MonitoredServiceId("s"), Alert("m")) for _ in range(number)]


class Callers:
    """Rates whose caller and time are set by hand."""

    def __init__(self, rate):
        self.name, self.now, self.counted = "ana", 0.0, CollectorRegistry()
        self.rates = RaiseRates(rate, lambda: self.name, self.counted, clock=lambda: self.now)

    def raised(self, number):
        return sum(isinstance(one, Request) for one in self.rates.within(requests(number)))


def test_each_caller_has_a_bucket_of_its_own_that_fills_as_time_goes_by():
    callers = Callers(TokenBucket(10, 100))
    assert callers.raised(150) == 100
    callers.name = "ben"
    assert callers.raised(150) == 100
    callers.now, callers.name = 1.0, "ana"
    assert callers.raised(150) == 10
    with pytest.raises(RaiseRateExceeded) as refusal:
        callers.rates.require()
    assert refusal.value.retry_after == timedelta(seconds=0.1)
    assert callers.counted.get_sample_value("pager_alerts_over_rate_total") == 50 + 50 + 140 + 1


def test_who_is_unlimited_is_and_without_a_rate_everybody():
    callers = Callers(TokenBucket(1, 1))
    callers.name = UNLIMITED
    assert callers.raised(1000) == 1000
    callers.rates.require()
    free = Callers(None)
    assert free.raised(1000) == 1000
    free.rates.require()


def test_what_was_refused_before_stays_as_it_is():
    callers = Callers(TokenBucket(1, 1))
    malformed = InvalidField("message", "is required")
    first, second, third = callers.rates.within([malformed, *requests(2)])
    assert first is malformed
    assert isinstance(second, Request)
    assert isinstance(third, RaiseRateExceeded)


def test_however_many_callers_come_the_memory_is_bounded_and_whoever_is_active_keeps_his_bucket(monkeypatch):
    monkeypatch.setattr(raise_rates, "MOST_CALLERS", 10)
    callers = Callers(TokenBucket(1, 1))
    assert callers.raised(1) == 1
    for number in range(1000):
        callers.name = f"caller-{number}"
        assert callers.raised(1) == 1
        callers.name = "ana"
        assert callers.raised(1) == 0
    assert len(callers.rates._full_at) == 10
