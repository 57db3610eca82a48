"""The adapters on SQLite and PostgreSQL sign the contracts of their ports."""

import pytest
from adapters.pager.stored_pager import stored_pager
from builders import an_application, raising
from contracts.backlogs import BacklogsContract
from contracts.claims_at_once import ClaimsAtOnceContract
from contracts.delayed_pages import DelayedPagesContract
from contracts.history import HistoryContract
from contracts.incident_views import IncidentViewsContract
from contracts.maintenance_windows import MaintenanceWindowsContract
from contracts.monitored_services import MonitoredServicesContract
from contracts.notification_bundles import NotificationBundlesContract
from contracts.notification_outbox import NotificationOutboxContract
from contracts.silence import SilenceContract
from contracts.traces import TracesContract

from pager_domain.pager.backlog import IncidentStage
from pager_grpc.pager.backlogs_sql import SqlBacklogs


class TestSqlBacklogs(BacklogsContract):
    @pytest.fixture
    async def pager(self, database_url):
        async with stored_pager(database_url) as opened:
            yield opened

    async def test_beyond_the_bound_it_stops_counting_and_says_so(self, pager):
        await an_application(pager.store, pager.outbox).handle([raising(f"service-{n}") for n in range(3)])
        found = await SqlBacklogs(pager.database, most=2).look()
        assert (found.incidents, found.levels_due, found.complete) == ({IncidentStage.OPEN: 2}, 2, False)


class TestSqlMonitoredServices(MonitoredServicesContract):
    @pytest.fixture
    async def pager(self, database_url):
        async with stored_pager(database_url) as opened:
            yield opened


class TestSqlMaintenanceWindows(MaintenanceWindowsContract):
    @pytest.fixture
    async def pager(self, database_url):
        async with stored_pager(database_url) as opened:
            yield opened


class TestSqlSilence(SilenceContract):
    @pytest.fixture
    async def pager(self, database_url):
        async with stored_pager(database_url) as opened:
            yield opened


class TestSqlNotificationOutbox(NotificationOutboxContract):
    @pytest.fixture
    async def pager(self, database_url):
        async with stored_pager(database_url) as opened:
            yield opened


class TestSqlClaimsAtOnce(ClaimsAtOnceContract):
    @pytest.fixture
    async def pager(self, database_url):
        async with stored_pager(database_url) as opened:
            yield opened


class TestSqlDelayedPages(DelayedPagesContract):
    @pytest.fixture
    async def pager(self, database_url):
        async with stored_pager(database_url) as opened:
            yield opened


class TestSqlNotificationBundles(NotificationBundlesContract):
    @pytest.fixture
    async def pager(self, database_url):
        async with stored_pager(database_url) as opened:
            yield opened


class TestSqlHistory(HistoryContract):
    @pytest.fixture
    async def pager(self, database_url):
        async with stored_pager(database_url) as opened:
            yield opened


class TestSqlIncidentViews(IncidentViewsContract):
    @pytest.fixture
    async def pager(self, database_url):
        async with stored_pager(database_url) as opened:
            yield opened


class TestSqlTraces(TracesContract):
    @pytest.fixture
    async def pager(self, database_url):
        async with stored_pager(database_url) as opened:
            yield opened
