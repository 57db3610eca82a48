"""What every store promises about maintenance windows. A signer gives ``pager`` with ``windows``."""

import asyncio
from dataclasses import replace
from datetime import time, timedelta

import pytest
from builders import CHECKOUT, a_policy, acknowledging, an_application, healing, raising
from fakes.escalation_policies import FakeEscalationPolicies

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.audit import violations
from pager_domain.pager.delivery import result_of
from pager_domain.pager.errors import MaintenanceWindowUnknown, RequestIdReused
from pager_domain.pager.events import LevelNotified
from pager_domain.pager.interventions import IncidentHeld, IncidentReleased
from pager_domain.pager.maintenance import MaintenanceWindow, MaintenanceWindowId, OneOff, Recurring
from pager_domain.pager.maintenance_application import MaintenanceApplicationService
from pager_domain.pager.ports.email_sender import NotNow

WINDOW = MaintenanceWindowId("w1")
OTHER = MonitoredServiceId("other")


class MaintenanceWindowsContract:
    @pytest.fixture
    async def pager(self):
        raise NotImplementedError

    @pytest.fixture
    def application(self, pager):
        return an_application(pager.store, pager.outbox, FakeEscalationPolicies(a_policy(levels=2)))

    @pytest.fixture
    async def now(self, pager):
        async with pager.store.unit_of_work() as work:
            await work.services([], [CHECKOUT])
            return work.now

    @pytest.fixture
    def window(self, now):
        """From a minute ago for an hour."""
        when = OneOff(now - timedelta(minutes=1), now + timedelta(minutes=59))
        return MaintenanceWindow(WINDOW, (CHECKOUT, OTHER), when, "ana", "new disks")

    async def time_passes(self, pager, application, seconds=0.0):
        await pager.advance(seconds)
        maintenance = MaintenanceApplicationService(pager.store)
        while await maintenance.start_due() or await maintenance.release_deleted() or await application.escalate_due(9):
            pass

    async def told(self, pager, *kinds):
        [incident] = await pager.views.incidents(CHECKOUT, (), None, 1)
        assert [str(violation) for record in await pager.records() for violation in violations(record)] == []
        return [what for line in await pager.views.events(incident, 0, 1000) if isinstance(what := line.what, kinds)]

    async def test_a_window_is_kept_as_it_was_said(self, pager, window):
        weekly = Recurring(time(2, 30), timedelta(hours=2), "Europe/Berlin", frozenset({1, 7}))
        recurring = replace(window, window_id=MaintenanceWindowId("w2"), when=weekly)
        assert await pager.windows.create(window, "") == window
        assert await pager.windows.create(recurring, "") == recurring
        assert await pager.windows.page(None, 10) == [window, recurring]
        assert await pager.windows.page(WINDOW, 10) == [recurring]
        assert await pager.windows.page(None, 1) == [window]

    async def test_a_repeat_gets_the_first_window_and_other_content_is_refused(self, pager, window):
        await pager.windows.create(window, "r")
        assert await pager.windows.create(replace(window, window_id=MaintenanceWindowId("w2")), "r") == window
        with pytest.raises(RequestIdReused):
            await pager.windows.create(replace(window, window_id=MaintenanceWindowId("w3"), reason="else"), "r")
        assert await pager.windows.page(None, 10) == [window]

    async def test_repeats_at_the_same_time_get_the_same_window(self, pager, window):
        windows = [replace(window, window_id=MaintenanceWindowId(f"w{n}")) for n in range(1, 9)]
        stored = await asyncio.gather(*(pager.windows.create(each, "r") for each in windows))
        assert stored == await pager.windows.page(None, 10) * len(windows)

    async def test_a_window_that_is_over_is_refused(self, pager, window):
        await pager.advance(60 * 60)
        with pytest.raises(InvalidField):
            await pager.windows.create(window, "")
        assert await pager.windows.page(None, 10) == []

    async def test_while_it_lasts_an_alert_opens_an_incident_that_is_held_until_its_end(
        self, pager, application, window
    ):
        await pager.windows.create(window, "")
        await self.time_passes(pager, application)
        [answer] = await application.handle([raising()])
        assert answer.changed
        await application.handle([raising("unrelated")])
        await self.time_passes(pager, application)
        assert await self.told(pager, IncidentHeld) == [IncidentHeld(WINDOW, window.when.end)]
        incident = (await pager.views.service(CHECKOUT)).incident
        assert (incident.held_until, incident.held_by_window, incident.level) == (window.when.end, WINDOW, 0)
        assert {c.notification.monitored_service_id for c in await pager.outbox.claim(10)} == {"unrelated"}
        await self.time_passes(pager, application, 3599)
        assert len(await self.told(pager, LevelNotified)) == 1
        incident = (await pager.views.service(CHECKOUT)).incident
        assert (incident.held_until, incident.held_by_window) == (None, "")

    async def test_its_start_stops_paging_that_is_under_way_once(self, pager, application, window, now):
        later = replace(window, when=OneOff(now + timedelta(minutes=10), now + timedelta(minutes=20)))
        await pager.windows.create(later, "")
        await application.handle([raising(), raising("other"), acknowledging("other")])
        await self.time_passes(pager, application)
        assert 500 < await pager.windows.seconds_until_start() <= 600
        await self.time_passes(pager, application, 601)
        await self.time_passes(pager, application)
        assert await pager.windows.seconds_until_start() is None
        assert len(await self.told(pager, IncidentHeld)) == 1
        assert await pager.outbox.claim(10) == []
        assert (await pager.views.service(OTHER)).incident.held_until is None
        await self.time_passes(pager, application, 600)
        assert [what.level for what in await self.told(pager, LevelNotified)] == [1, 2]

    async def test_a_page_that_waits_does_not_leave_when_the_next_level_was_held_before_the_start_was_noticed(
        self, pager, application, window, now
    ):
        starts = now + timedelta(minutes=15)
        await pager.windows.create(replace(window, when=OneOff(starts, starts + timedelta(minutes=10))), "")
        await application.handle([raising()])
        await application.escalate_due(9)
        claims = await pager.outbox.claim(10)
        await pager.outbox.record([result_of(claim, NotNow("busy", timedelta(minutes=20))) for claim in claims])
        await pager.advance(901)
        await application.escalate_due(9)
        await self.time_passes(pager, application, 301)
        assert [claim.is_wanted for claim in await pager.outbox.claim(10)] == [False, False]

    async def test_a_window_that_comes_again_starts_again(self, pager, application, window):
        daily = replace(window, when=Recurring(time(0), timedelta(hours=24), "UTC"))
        await pager.windows.create(daily, "")
        await self.time_passes(pager, application)
        assert 0 < await pager.windows.seconds_until_start() <= 86_400
        await application.handle([raising()])
        await self.time_passes(pager, application)
        await self.time_passes(pager, application, 86_400)
        assert len(await self.told(pager, IncidentHeld)) == 2
        assert await self.told(pager, LevelNotified) == []

    async def test_what_a_deleted_window_held_is_due_at_once(self, pager, application, window):
        await pager.windows.create(window, "")
        await application.handle([raising()])
        await self.time_passes(pager, application)
        await pager.windows.delete(WINDOW)
        await pager.windows.delete(WINDOW)
        assert await pager.windows.page(None, 10) == []
        await self.time_passes(pager, application)
        assert await self.told(pager, IncidentReleased) == [IncidentReleased(WINDOW)]
        assert len(await self.told(pager, LevelNotified)) == 1
        with pytest.raises(MaintenanceWindowUnknown):
            await pager.windows.delete(MaintenanceWindowId("w9"))

    async def test_whoever_may_see_some_services_sees_and_ends_windows_of_those_alone(self, pager, window):
        shared = await pager.windows.create(window, "")
        mine = await pager.windows.create(
            replace(window, window_id=MaintenanceWindowId("w2"), services=(CHECKOUT,)), ""
        )
        scope = {CHECKOUT}
        assert await pager.windows.page(None, 10, scope) == [mine]
        assert await pager.windows.page(None, 1, scope) == [mine]
        with pytest.raises(MaintenanceWindowUnknown):
            await pager.windows.delete(shared.window_id, scope)
        await pager.windows.delete(mine.window_id, scope)
        assert await pager.windows.page(None, 10) == [shared]

    async def test_a_service_that_is_healthy_at_the_end_pages_nobody(self, pager, application, window):
        await pager.windows.create(window, "")
        await application.handle([raising()])
        await self.time_passes(pager, application)
        await application.handle([healing()])
        await self.time_passes(pager, application, 3600)
        assert await self.told(pager, LevelNotified) == []
