"""What every look at the backlog promises. A signer gives ``pager``, with ``backlogs`` and ``outbox_with``."""

from datetime import timedelta

import pytest
from builders import (
    a_level,
    a_level_of,
    a_person,
    a_policy,
    acknowledging,
    an_application,
    healing,
    raising,
    snoozing,
)
from fakes.escalation_policies import FakeEscalationPolicies

from pager_domain.pager.backlog import IncidentStage, PageStage
from pager_domain.pager.delivery import result_of
from pager_domain.pager.ports.email_sender import HandedOff, NotNow
from pager_domain.pager.storm import Pace
from pager_domain.pager.targets import Channel

ONE_MAIL = a_policy(levels=[a_level(1, targets=1)])
SERVICES = [f"service-{n}" for n in range(6)]
ABOUT = timedelta(seconds=3)
"""How far the time of a running database may go on by itself."""


def paging(pager, policy=ONE_MAIL, outbox=None):
    return an_application(pager.store, outbox or pager.outbox, FakeEscalationPolicies(policy))


class BacklogsContract:
    @pytest.fixture
    async def pager(self):
        raise NotImplementedError

    async def test_without_an_alert_nothing_is_under_way(self, pager):
        found = await pager.backlogs.look()
        assert (found.pages, found.oldest, found.in_doubt) == ({}, None, 0)
        assert (found.incidents, found.levels_due, found.latest) == ({}, 0, None)
        assert found.complete

    async def test_an_alert_is_an_open_incident_whose_level_is_due(self, pager):
        await paging(pager).handle([raising()])
        await pager.advance(40)
        found = await pager.backlogs.look()
        assert (found.incidents, found.levels_due) == ({IncidentStage.OPEN: 1}, 1)
        assert timedelta(seconds=40) <= found.latest < timedelta(seconds=40) + ABOUT

    async def test_a_page_is_due_then_in_flight_then_gone(self, pager):
        application = paging(pager)
        await application.handle([raising()])
        await application.escalate_due(10)
        await pager.advance(2)
        found = await pager.backlogs.look()
        assert (found.pages, found.levels_due, found.latest) == ({(PageStage.DUE, Channel.EMAIL): 1}, 0, None)
        assert timedelta(seconds=2) <= found.oldest < timedelta(seconds=2) + ABOUT
        [claim] = await pager.outbox.claim(10)
        assert (await pager.backlogs.look()).pages == {(PageStage.IN_FLIGHT, Channel.EMAIL): 1}
        await application.record([result_of(claim, HandedOff("smtp"))])
        assert (await pager.backlogs.look()).pages == {}

    async def test_a_page_that_was_put_off_is_still_owed_since_the_beginning(self, pager):
        application = paging(pager)
        await application.handle([raising()])
        await application.escalate_due(10)
        [claim] = await pager.outbox.claim(10)
        await pager.advance(5)
        await application.record([result_of(claim, NotNow("busy", timedelta(minutes=10)))])
        found = await pager.backlogs.look()
        assert found.pages == {(PageStage.POSTPONED, Channel.EMAIL): 1}
        assert timedelta(seconds=5) <= found.oldest < timedelta(seconds=5) + ABOUT

    async def test_a_step_whose_time_has_not_come_is_not_owed_yet(self, pager):
        ana = a_person("ana", (0, "ana/mail"), (5, "ana/phone"))
        application = paging(pager, a_policy(levels=[a_level_of(ana)]))
        await application.handle([raising()])
        await application.escalate_due(10)
        [claim] = await pager.outbox.claim(10)
        await application.record([result_of(claim, HandedOff("smtp"))])
        found = await pager.backlogs.look()
        assert (found.pages, found.oldest) == ({(PageStage.LATER, Channel.SMS): 1}, None)

    async def test_a_lease_that_ended_without_a_word_leaves_a_page_in_doubt(self, pager):
        application = paging(pager)
        await application.handle([raising()])
        await application.escalate_due(10)
        await pager.outbox.claim(10)
        assert (await pager.backlogs.look()).in_doubt == 0
        await pager.advance(60)
        assert (await pager.backlogs.look()).pages == {(PageStage.DUE, Channel.EMAIL): 1}
        await pager.outbox.claim(10)
        assert (await pager.backlogs.look()).in_doubt == 1

    async def test_the_pages_of_a_bundle_are_counted_one_by_one_and_by_their_own_ages(self, pager):
        outbox = pager.outbox_with(Pace(burst=1, interval=timedelta(seconds=60)))
        application = paging(pager, outbox=outbox)
        await application.handle([raising(service) for service in SERVICES])
        await application.escalate_due(100)
        await pager.advance(30)
        claims = await outbox.claim(100)
        assert len(claims) < len(SERVICES)
        assert all(len(claim.page_ages) == len(claim.pages) for claim in claims)
        assert min(age for claim in claims for age in claim.page_ages) >= timedelta(seconds=30)
        found = await pager.backlogs.look()
        assert found.pages == {(PageStage.IN_FLIGHT, Channel.EMAIL): len(SERVICES)}
        assert found.oldest >= timedelta(seconds=30)
        await pager.advance(60)
        claims = await outbox.claim(100)
        assert min(age for claim in claims for age in claim.page_ages) >= timedelta(seconds=90)
        assert (await pager.backlogs.look()).in_doubt == len(SERVICES)

    async def test_each_incident_that_is_not_over_is_in_one_stage(self, pager):
        application = paging(pager)
        await application.handle([raising(service) for service in SERVICES])
        await application.handle([acknowledging(SERVICES[0]), healing(SERVICES[1]), snoozing(SERVICES[2])])
        found = await pager.backlogs.look()
        assert found.incidents == {IncidentStage.ACKNOWLEDGED: 1, IncidentStage.HELD: 1, IncidentStage.OPEN: 3}
        await application.escalate_due(100)
        await pager.advance(15 * 60)
        await application.escalate_due(100)
        found = await pager.backlogs.look()
        assert found.incidents[IncidentStage.EXHAUSTED] == 3
