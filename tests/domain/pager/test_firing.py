"""Which levels are fired as foreseen, and that an ordinary unit of work has the last word."""

from contextlib import asynccontextmanager

import pytest
from builders import HandClock, a_level, a_policy, an_application, raising
from fakes.escalation_policies import DOWN, FakeEscalationPolicies
from fakes.monitored_services import FakeMonitoredServices
from fakes.notification_outbox import FakeNotificationOutbox

from pager_domain.pager.firing import MOST_FORESEEN
from pager_domain.pager.ports.monitored_services import NotAsForeseen


class ForeseesWrongly(FakeMonitoredServices):
    """Tells what is due as if it had been opened here; what it foresees is never so."""

    def __init__(self):
        super().__init__(HandClock())
        self.foreseen = []

    def opened_here(self, limit):
        return [service.incident for service in self.state.services.values() if service.incident][:limit]

    @asynccontextmanager
    async def foreseen_unit_of_work(self, recipients):
        self.foreseen.append(list(recipients))
        raise NotAsForeseen
        yield


@pytest.fixture
def store():
    return ForeseesWrongly()


@pytest.fixture
def policies():
    return FakeEscalationPolicies(a_policy(levels=[a_level(1, targets=1)]))


@pytest.fixture
def application(store, policies):
    return an_application(store, FakeNotificationOutbox(store), policies)


async def test_what_is_not_as_foreseen_fires_all_the_same(store, application):
    await application.handle([raising()])
    assert await application.escalate_due(100) == 1
    [page] = store.state.pages.values()
    assert store.foreseen == [[page.notification.target]]


async def test_nothing_is_foreseen_while_the_policy_service_does_not_answer(store, policies, application):
    policies.fault = DOWN
    await application.handle([raising()])
    assert await application.escalate_due(100) == 1
    assert store.foreseen == []
    assert len(store.state.pages) == 1


async def test_of_many_incidents_one_may_well_change(store, application):
    await application.handle([raising(f"service-{n}") for n in range(MOST_FORESEEN + 1)])
    assert await application.escalate_due(100) == MOST_FORESEEN + 1
    assert store.foreseen == []
    assert len(store.state.pages) == MOST_FORESEEN + 1
