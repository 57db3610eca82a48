"""The fakes sign the contracts of their ports."""

import pytest
from builders import HandClock
from contracts.incident_views import IncidentViewsContract
from contracts.monitored_services import MonitoredServicesContract
from contracts.notification_outbox import NotificationOutboxContract
from contracts.notification_senders import NotificationSendersContract
from fakes.incident_views import FakeIncidentViews
from fakes.monitored_services import FakeMonitoredServices
from fakes.notification_outbox import FakeNotificationOutbox
from fakes.senders import FakeSenders


class FakePager:
    """Store, outbox and views over one set of dictionaries, and a clock."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.store = FakeMonitoredServices(self.clock)
        self.outbox = FakeNotificationOutbox(self.store)
        self.views = FakeIncidentViews(self.store)

    async def advance(self, seconds):
        self.clock.advance(seconds)

    def stores(self, number):
        return [(n, self.store) for n in range(number)]

    def outboxes(self, number):
        return [self.outbox] * number

    async def retrying(self, call, *arguments):
        return await call(*arguments)


@pytest.fixture
async def fake_pager():
    return FakePager()


class TestFakeMonitoredServices(MonitoredServicesContract):
    @pytest.fixture
    async def pager(self, fake_pager):
        return fake_pager


class TestFakeNotificationOutbox(NotificationOutboxContract):
    @pytest.fixture
    async def pager(self, fake_pager):
        return fake_pager


class TestFakeIncidentViews(IncidentViewsContract):
    @pytest.fixture
    async def pager(self, fake_pager):
        return fake_pager


class TestFakeSenders(NotificationSendersContract):
    @pytest.fixture
    def senders(self):
        return FakeSenders()

    @pytest.fixture
    def say(self, senders):
        return lambda answer: senders.answers.append(answer("scripted"))

    @pytest.fixture
    def sent(self, senders):
        return senders.sent
