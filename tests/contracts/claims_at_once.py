"""What every unit of work promises of pages that it claims as it makes them.

A signer gives ``pager`` as for the outboxes, with ``store_with`` beside ``outbox_with``.
"""

from datetime import timedelta

import pytest
from builders import a_level, a_level_of, a_person, a_policy, acknowledging, an_application, current, raising
from fakes.escalation_policies import FakeEscalationPolicies

from pager_domain.pager.audit import violations
from pager_domain.pager.delivery import result_of
from pager_domain.pager.events import NotificationSettled, Outcome, Severity, Timeout
from pager_domain.pager.notification import Bundle
from pager_domain.pager.ports.email_sender import HandedOff
from pager_domain.pager.service import PagerService
from pager_domain.pager.storm import Pace

PACE = Pace(burst=3, interval=timedelta(seconds=60))  # longer than any lease
SERVICES = [f"service-{n:02}" for n in range(8)]
TO_ONE = a_policy(levels=[a_level(1, targets=1)])
TO_TWO = a_policy(levels=[a_level(1, targets=2)])


class Begun:
    """Claims that were begun."""

    def __init__(self, room=100):
        self.room = room
        self.claims = []

    def begin(self, claims):
        self.claims += claims

    @property
    def services(self):
        return sorted(claim.notification.monitored_service_id for claim in self.claims)


class ClaimsAtOnceContract:
    @pytest.fixture
    async def pager(self):
        raise NotImplementedError

    async def fired(self, pager, services, deliveries, policy=TO_ONE, pace=None, **alert):
        """The use cases, after ``services`` have been raised and their first level has fired."""
        store, outbox = pager.store_with(pace), pager.outbox_with(pace)
        application = an_application(store, outbox, FakeEscalationPolicies(policy))
        await application.handle([raising(service, **alert) for service in services])
        await application.escalate_due(100, deliveries)
        return application

    async def ends(self, pager):
        """Lines of pages that ended; no promise is broken meanwhile."""
        records = await pager.records()
        assert [str(violation) for record in records for violation in violations(record)] == []
        lines = [line.what for record in records for line in record.events]
        return [what.outcome for what in lines if isinstance(what, NotificationSettled)]

    async def test_a_page_is_held_as_soon_as_it_is_made(self, pager):
        begun = Begun()
        await self.fired(pager, SERVICES[:1], begun, TO_TWO)
        assert [(claim.attempt, claim.lost_claims, claim.is_wanted) for claim in begun.claims] == [(1, 0, True)] * 2
        assert await pager.outbox.claim(10) == []
        results = [result_of(claim, HandedOff("smtp", "their-id")) for claim in begun.claims]
        assert await pager.outbox.record(results) == 2
        assert await self.ends(pager) == [Outcome.HANDED_OFF] * 2

    async def test_a_claim_whose_process_dies_is_lost_when_its_lease_ends(self, pager):
        begun = Begun()
        await self.fired(pager, SERVICES[:1], begun)
        await pager.advance(9)
        assert await pager.outbox.claim(10) == []
        await pager.advance(2)
        [again] = await pager.outbox.claim(10)
        assert (again.attempt, again.lost_claims, again.notification) == (2, 1, begun.claims[0].notification)
        assert again.since_first_attempt >= timedelta(seconds=11)
        assert await pager.outbox.record([result_of(begun.claims[0], HandedOff("smtp", "too late"))]) == 0

    async def test_a_claim_that_is_not_committed_is_none(self, pager):
        store, begun = pager.store_with(None), Begun()
        application = an_application(store, pager.outbox, FakeEscalationPolicies(TO_ONE))
        await application.handle([raising(SERVICES[0])])
        async with store.unit_of_work() as work:
            [service] = (await work.due_services(SERVICES[:1])).values()
            change = PagerService.on_timeout(service, Timeout(work.now), current(TO_ONE))
            await work.save([change])
            claims = await work.claim(change.notifications, 10)
        assert [claim.notification for claim in claims] == list(change.notifications)
        assert await application.claim_due(10) == []
        await application.escalate_due(100, begun)
        assert [(claim.notification, claim.attempt) for claim in begun.claims] == [(*change.notifications, 1)]

    async def test_no_more_is_claimed_than_there_is_room_for_the_most_severe_first(self, pager):
        store, begun = pager.store_with(None), Begun(room=2)
        application = an_application(store, pager.outbox, FakeEscalationPolicies(TO_ONE))
        severities = [Severity.INFO, Severity.CRITICAL, Severity.WARNING, Severity.ERROR]
        await application.handle(
            [raising(service, severity=severity) for service, severity in zip(SERVICES, severities, strict=False)]
        )
        await application.escalate_due(100, begun)
        assert begun.services == [SERVICES[1], SERVICES[3]]
        assert sorted(claim.notification.monitored_service_id for claim in await pager.outbox.claim(10)) == [
            SERVICES[0],
            SERVICES[2],
        ]

    async def test_without_room_everything_is_left_to_the_outbox(self, pager):
        begun = Begun(room=0)
        await self.fired(pager, SERVICES, begun)
        assert begun.claims == []
        assert len(await pager.outbox.claim(100)) == len(SERVICES)

    async def test_a_page_of_a_later_step_waits_in_the_outbox(self, pager):
        ana = a_person("ana", (0, "ana/mail"), (5, "ana/phone"))
        begun = Begun()
        await self.fired(pager, SERVICES[:1], begun, a_policy(levels=[a_level_of(ana, minutes=15)]))
        assert [claim.notification.contact_method_id for claim in begun.claims] == ["ana/mail"]
        assert await pager.outbox.claim(10) == []
        await pager.advance(5 * 60 + 1)
        claims = await pager.outbox.claim(10)
        assert {claim.notification.contact_method_id for claim in claims} == {"ana/mail", "ana/phone"}

    async def test_who_enters_a_storm_is_left_to_the_outbox(self, pager):
        begun = Begun()
        await self.fired(pager, SERVICES, begun, pace=PACE)
        assert begun.claims == []
        claims = await pager.outbox_with(PACE).claim(100)
        assert sorted(len(claim.pages) for claim in claims) == [1, 1, len(SERVICES) - 2]

    async def test_what_is_claimed_at_once_counts_as_a_message_to_its_recipient(self, pager):
        begun = Begun()
        application = await self.fired(pager, SERVICES[:2], begun, pace=PACE)
        assert begun.services == SERVICES[:2]
        await application.handle([raising(service) for service in SERVICES[2:]])
        await application.escalate_due(100, begun)
        assert begun.services == SERVICES[:2]
        [claim] = await pager.outbox_with(PACE).claim(100)
        assert isinstance(claim.notification, Bundle)
        assert len(claim.pages) == len(SERVICES) - 2

    async def test_an_answer_leaves_it_to_whoever_holds_it(self, pager):
        begun = Begun()
        application = await self.fired(pager, SERVICES[:1], begun)
        await application.handle([acknowledging(SERVICES[0])])
        assert await self.ends(pager) == []
        assert await pager.outbox.record([result_of(begun.claims[0], HandedOff("smtp", "their-id"))]) == 1
        assert await self.ends(pager) == [Outcome.HANDED_OFF]
