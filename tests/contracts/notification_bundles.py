"""What every outbox promises in a storm. A signer gives ``pager`` as for the other outboxes, and ``outbox_with``."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from builders import a_level, a_policy, acknowledging, an_application, escalating, raising
from fakes.escalation_policies import FakeEscalationPolicies

from pager_domain.pager.audit import violations
from pager_domain.pager.delivery import answered_meanwhile, result_of
from pager_domain.pager.events import LevelUndeliverable, NotificationSettled, Outcome, Severity
from pager_domain.pager.notification import Bundle
from pager_domain.pager.ports.email_sender import FateUnknown, HandedOff, NotNow, Refused
from pager_domain.pager.storm import Pace

PACE = Pace(burst=3, interval=timedelta(seconds=60))  # longer than any lease
SERVICES = [f"service-{n:02}" for n in range(12)]


def bundle_of(claims):
    [found] = [claim for claim in claims if isinstance(claim.notification, Bundle)]
    return found


def alone(claims):
    return [claim for claim in claims if not isinstance(claim.notification, Bundle)]


def services_of(claim):
    return {page.monitored_service_id for page in claim.pages}


class NotificationBundlesContract:
    @pytest.fixture
    async def pager(self):
        raise NotImplementedError

    @pytest.fixture
    def outbox(self, pager):
        return pager.outbox_with(PACE)

    @pytest.fixture
    async def application(self, pager, outbox):
        """The use cases, with one policy for all: two levels, one person each."""
        policy = a_policy(levels=[a_level(1, targets=1), a_level(2, targets=1)])
        return an_application(pager.store, outbox, FakeEscalationPolicies(policy))

    async def storm(self, application, services=SERVICES, **alert):
        await application.handle([raising(service, **alert) for service in services])
        await application.escalate_due(100)

    async def ends(self, pager):
        """Lines of pages that ended, by service; no promise is broken meanwhile."""
        records = await pager.records()
        assert [str(violation) for record in records for violation in violations(record)] == []
        lines = [(r.incident.monitored_service_id, e.what) for r in records for e in r.events]
        return {service: what for service, what in lines if isinstance(what, NotificationSettled)}

    async def test_in_a_storm_the_first_pages_go_alone_and_the_rest_together(self, pager, outbox, application):
        await self.storm(application)
        claims = await outbox.claim(100)
        assert [claim.attempt for claim in claims] == [1, 1, 1]
        assert len(alone(claims)) == 2
        assert len(bundle_of(claims).pages) == 10
        assert sorted(service for claim in claims for service in services_of(claim)) == SERVICES
        assert await outbox.claim(100) == []

    async def test_a_bundle_that_is_handed_off_ends_all_its_pages(self, pager, outbox, application):
        await self.storm(application)
        claims = await outbox.claim(100)
        results = [result_of(claim, HandedOff("smtp", "their-id")) for claim in claims]
        assert await outbox.record([*results, *results]) == 3
        assert await outbox.record(results) == 0
        assert await outbox.seconds_until_due() is None
        ends = await self.ends(pager)
        assert Counter(end.outcome for end in ends.values()) == {Outcome.HANDED_OFF: 2, Outcome.MERGED: 10}
        merged = [end for end in ends.values() if end.outcome is Outcome.MERGED]
        assert {end.bundle_id for end in merged} == {bundle_of(claims).notification.notification_id}
        assert await pager.store.due(100) == []

    async def test_what_comes_after_a_burst_waits_for_the_next_message(self, pager, outbox, application):
        await self.storm(application, SERVICES[:3])
        assert len(await outbox.claim(100)) == 3
        await self.storm(application, SERVICES[3:])
        assert await outbox.claim(100) == []
        assert 0 < await outbox.seconds_until_due() <= 10  # the leases of the first three
        await pager.advance(60)
        assert {*SERVICES[3:]} <= services_of(bundle_of(await outbox.claim(100)))

    async def test_however_little_is_looked_at_all_that_waits_goes_together(self, pager, outbox, application):
        await self.storm(application)
        claims = [claim for _ in range(6) for claim in await outbox.claim(1)]
        assert len(claims) == 3
        assert len(bundle_of(claims).pages) == 10

    async def test_a_more_severe_page_breaks_through(self, pager, outbox, application):
        await self.storm(application, severity=Severity.WARNING)
        await outbox.claim(100)
        await self.storm(application, ["critical"], severity=Severity.CRITICAL)
        [claim] = await outbox.claim(100)
        assert claim.notification.monitored_service_id == "critical"

    async def test_two_recipients_do_not_share_a_pace(self, pager, outbox, application):
        other = a_policy(levels=[a_level(7, targets=1)])
        await self.storm(application, SERVICES[:3])
        await self.storm(an_application(pager.store, outbox, FakeEscalationPolicies(other)), ["x", "y", "z"])
        assert len(alone(await outbox.claim(100))) == 6

    async def test_a_bundle_put_off_comes_again_as_it_was(self, pager, outbox, application):
        await self.storm(application)
        first = bundle_of(await outbox.claim(100))
        assert await outbox.record([result_of(first, NotNow("busy", timedelta(seconds=2)))]) == 1
        await pager.advance(2.1)
        again = bundle_of(await outbox.claim(100))
        assert (again.notification, again.attempt, again.lost_claims) == (first.notification, 2, 0)

    async def test_a_bundle_comes_again_with_the_most_severe_first(self, pager, outbox, application):
        """The services are stored, and named, in the order that is not asked for."""
        await application.handle([raising(service, severity=Severity.INFO) for service in SERVICES[:6]])
        await application.handle([raising(service, severity=Severity.WARNING) for service in SERVICES[6:]])
        await application.escalate_due(100)
        first = bundle_of(await outbox.claim(100))
        assert {page.severity for page in first.pages} == {Severity.WARNING, Severity.INFO}
        await outbox.record([result_of(first, NotNow("busy", timedelta(seconds=2)))])
        await pager.advance(2.1)
        again = bundle_of(await outbox.claim(100))
        assert again.notification == first.notification
        assert again.notification.severity is Severity.WARNING

    async def test_a_bundle_whose_lease_ended_is_owed_again_and_the_old_claim_counts_no_more(
        self, pager, outbox, application
    ):
        await self.storm(application)
        old = bundle_of(await outbox.claim(100))
        await pager.advance(10.1)
        new = bundle_of(await outbox.claim(100))
        assert (new.notification, new.attempt, new.lost_claims) == (old.notification, 2, 1)
        assert await outbox.record([result_of(old, HandedOff("smtp"))]) == 0
        assert await outbox.record([result_of(new, HandedOff("smtp", possibly_duplicated=True))]) == 1
        merged = [end for end in (await self.ends(pager)).values() if end.outcome is Outcome.MERGED]
        assert [end.possibly_duplicated for end in merged] == [True] * 10

    async def test_a_bundle_in_doubt_leaves_its_pages_in_doubt_and_makes_the_next_level_due(
        self, pager, outbox, application
    ):
        await self.storm(application)
        bundle = bundle_of(await outbox.claim(100))
        await outbox.record([result_of(bundle, FateUnknown("gave up"))])
        ends = await self.ends(pager)
        assert {end.outcome for end in ends.values()} == {Outcome.IN_DOUBT}
        assert len(await pager.store.due(100)) == len(ends) == 10
        kinds = [type(event.what) for record in await pager.records() for event in record.events]
        assert kinds.count(LevelUndeliverable) == 10

    async def test_a_bundle_that_is_refused_is_dissolved_and_its_pages_go_alone(self, pager, outbox, application):
        await self.storm(application)
        bundle = bundle_of(await outbox.claim(100))
        assert await outbox.record([result_of(bundle, Refused("too long"))]) == 1
        assert await self.ends(pager) == {}
        claims = await outbox.claim(100)
        assert {claim.notification for claim in claims} == {*bundle.pages}
        assert await outbox.record([result_of(bundle, HandedOff("late"))]) == 0
        assert await outbox.record([result_of(claim, HandedOff("smtp")) for claim in claims]) == 10
        assert {end.bundle_id for end in (await self.ends(pager)).values()} == {""}

    async def test_a_bundle_is_not_tried_again_though_incidents_that_were_answered_are_open_again(
        self, pager, outbox, application
    ):
        await self.storm(application)
        bundle = bundle_of(await outbox.claim(100))
        one, *others = sorted(services_of(bundle))
        await application.handle([acknowledging(service) for service in others])
        await application.handle([escalating(service) for service in others])
        await pager.advance(10.1)
        assert bundle_of(await outbox.claim(100)).is_wanted
        await application.handle([acknowledging(one)])
        await application.handle([escalating(one)])
        await pager.advance(10.1)
        assert not bundle_of(await outbox.claim(100)).is_wanted

    async def test_a_bundle_goes_on_while_one_of_its_incidents_is_open(self, pager, outbox, application):
        await self.storm(application)
        bundle = bundle_of(await outbox.claim(100))
        one, *others = sorted(services_of(bundle))
        await application.handle([acknowledging(service) for service in others])
        assert await self.ends(pager) == {}
        await pager.advance(10.1)
        assert bundle_of(await outbox.claim(100)).is_wanted
        await application.handle([acknowledging(one)])
        await pager.advance(10.1)
        last = bundle_of(await outbox.claim(100))
        assert not last.is_wanted
        await outbox.record([answered_meanwhile(last)])
        of_bundle = [end for service, end in (await self.ends(pager)).items() if service in services_of(bundle)]
        assert {(end.outcome, end.possibly_duplicated) for end in of_bundle} == {(Outcome.CANCELLED, True)}

    async def test_claims_at_once_lose_no_page_and_keep_one_pace(self, pager, outbox, application):
        await self.storm(application)
        outboxes = [pager.outbox_with(PACE, replica) for replica in range(8)]
        claimed = await asyncio.gather(*(pager.retrying(one.claim, 4) for one in outboxes))
        claims = [claim for some in claimed for claim in some]
        await pager.advance(60)  # what was put off meanwhile, and what nobody has recorded
        claims += [claim for claim in await outbox.claim(100) if claim.attempt == 1]
        pages = Counter(page.notification_id for claim in claims for page in claim.pages)
        assert sorted(pages.values()) == [1] * len(SERVICES)
        assert len(claims) <= PACE.burst + 1
