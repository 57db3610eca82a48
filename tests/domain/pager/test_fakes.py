"""The fakes sign the contracts of their ports."""

import pytest
from contracts.backlogs import BacklogsContract
from contracts.claims_at_once import ClaimsAtOnceContract
from contracts.delayed_pages import DelayedPagesContract
from contracts.escalation_policies import EscalationPolicyRepositoryContract
from contracts.history import HistoryContract
from contracts.incident_views import IncidentViewsContract
from contracts.maintenance_windows import MaintenanceWindowsContract
from contracts.monitored_services import MonitoredServicesContract
from contracts.notification_bundles import NotificationBundlesContract
from contracts.notification_outbox import NotificationOutboxContract
from contracts.notification_senders import NotificationSendersContract
from contracts.silence import SilenceContract
from fakes.escalation_policies import DOWN, FakeEscalationPolicies
from fakes.pager import FakePager
from fakes.senders import FakeSenders


@pytest.fixture
async def fake_pager():
    return FakePager()


class TestFakeBacklogs(BacklogsContract):
    @pytest.fixture
    async def pager(self, fake_pager):
        return fake_pager


class TestFakeMonitoredServices(MonitoredServicesContract):
    @pytest.fixture
    async def pager(self, fake_pager):
        return fake_pager


class TestFakeMaintenanceWindows(MaintenanceWindowsContract):
    @pytest.fixture
    async def pager(self, fake_pager):
        return fake_pager


class TestFakeSilence(SilenceContract):
    @pytest.fixture
    async def pager(self, fake_pager):
        return fake_pager


class TestFakeNotificationOutbox(NotificationOutboxContract):
    @pytest.fixture
    async def pager(self, fake_pager):
        return fake_pager


class TestFakeClaimsAtOnce(ClaimsAtOnceContract):
    @pytest.fixture
    async def pager(self, fake_pager):
        return fake_pager


class TestFakeDelayedPages(DelayedPagesContract):
    @pytest.fixture
    async def pager(self, fake_pager):
        return fake_pager


class TestFakeNotificationBundles(NotificationBundlesContract):
    @pytest.fixture
    async def pager(self, fake_pager):
        return fake_pager


class TestFakeHistory(HistoryContract):
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


class FakePolicyRoom:
    """The far side of the fake is the fake."""

    def __init__(self) -> None:
        self.repository = FakeEscalationPolicies()

    async def store(self, policy, *services, default=False):
        self.repository.store(policy, *services, default=default)

    async def break_down(self):
        self.repository.fault = DOWN


class TestFakeEscalationPolicies(EscalationPolicyRepositoryContract):
    @pytest.fixture
    async def rig(self):
        return FakePolicyRoom()
