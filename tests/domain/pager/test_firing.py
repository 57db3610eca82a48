"""Which levels are fired as foreseen, and that an ordinary unit of work has the last word."""

from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from builders import HandClock, a_level, a_policy, acknowledging, an_application, healing, raising
from fakes.escalation_policies import DOWN, FakeEscalationPolicies
from fakes.monitored_services import FakeMonitoredServices
from fakes.notification_outbox import FakeNotificationOutbox

from pager_domain.pager.batch import MOST_FORESEEN
from pager_domain.pager.ports.monitored_services import NotAsForeseen

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


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


class AsksAhead(FakeEscalationPolicies):
    """Notes what it may soon be asked, and of how many stored incidents it could be then."""

    def __init__(self, store):
        super().__init__(a_policy(levels=[a_level(1, targets=1)]))
        self.store, self.ahead, self.stored = store, [], []

    def ask_ahead(self, questions):
        self.ahead += questions
        self.stored.append(len(self.store.state.incidents))


async def test_whom_to_page_is_asked_before_the_alert_is_stored(store):
    policies = AsksAhead(store)
    application = an_application(store, FakeNotificationOutbox(store), policies)
    await application.handle([raising("one"), raising("two"), raising("two")])
    assert policies.stored == [0]
    await application.escalate_due(100)
    assert len(policies.ahead) == 2
    assert set(policies.asked) == set(policies.ahead)


async def test_nothing_is_asked_ahead_about_what_does_not_open_an_incident_that_is_due(store):
    policies = AsksAhead(store)
    application = an_application(store, FakeNotificationOutbox(store), policies)
    await application.handle([raising("one"), acknowledging("one")])
    await application.handle([raising("one"), healing("one")])
    assert policies.ahead == []


async def test_nor_where_it_would_be_much_or_is_traced(store):
    policies = AsksAhead(store)
    application = an_application(store, FakeNotificationOutbox(store), policies)
    await application.handle([raising(f"service-{n}") for n in range(MOST_FORESEEN + 1)])
    await application.handle(
        [replace(raising("traced"), traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")]
    )
    assert policies.ahead == []
