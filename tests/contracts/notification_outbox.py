"""What every outbox promises. A signer gives ``pager``: ``store``, ``outbox``, ``views`` and ``advance``."""

import asyncio
from datetime import timedelta

import pytest
from builders import CHECKOUT, acknowledging, an_application, healing, raising

from pager_domain.pager.delivery import result_of
from pager_domain.pager.events import LevelUndeliverable, NotificationSettled, Outcome, Severity
from pager_domain.pager.ports.email_sender import FateUnknown, HandedOff, NotNow, Refused

PAGES = ["person-1-1", "person-1-2"]


def whom(claims):
    return sorted(claim.notification.target.target_id for claim in claims)


class NotificationOutboxContract:
    @pytest.fixture
    async def pager(self):
        raise NotImplementedError

    @pytest.fixture
    async def application(self, pager):
        """The use cases; the first level of checkout has been decided."""
        application = an_application(pager.store, pager.outbox)
        await application.handle([raising()])
        await application.escalate_due(10)
        return application

    async def settled(self, pager):
        [incident] = await pager.views.incidents(CHECKOUT, (), None, 1)
        lines = await pager.views.events(incident, 0, 100)
        assert [line.sequence for line in lines] == list(range(1, incident.event_count + 1))
        return [line.what for line in lines if isinstance(line.what, NotificationSettled)]

    async def test_an_empty_outbox_owes_nothing(self, pager):
        assert await pager.outbox.claim(10) == []
        assert await pager.outbox.seconds_until_due() is None
        assert await pager.outbox.record([]) == 0

    async def test_a_page_that_is_owed_is_claimed_once_while_its_lease_runs(self, pager, application):
        assert await pager.outbox.seconds_until_due() <= 0
        claims = await pager.outbox.claim(10)
        assert whom(claims) == PAGES
        assert {(claim.attempt, claim.is_wanted) for claim in claims} == {(1, True)}
        assert {claim.notification.body for claim in claims} != {""}
        await pager.advance(9)
        assert await pager.outbox.claim(10) == []
        assert 0 < await pager.outbox.seconds_until_due() <= 1

    async def test_a_page_whose_lease_ended_is_owed_again_with_a_higher_token(self, pager, application):
        await pager.outbox.claim(10)
        await pager.advance(10.1)
        again = await pager.outbox.claim(10)
        assert whom(again) == PAGES
        assert {claim.attempt for claim in again} == {2}

    async def test_claims_that_end_without_a_word_are_counted_until_one_says_something(self, pager, application):
        lost = []
        for _ in range(3):
            claims = await pager.outbox.claim(10)
            lost.append({claim.lost_claims for claim in claims})
            await pager.advance(10.1)
        assert lost == [{0}, {1}, {2}]
        busy = [result_of(claim, NotNow("busy", timedelta(seconds=1))) for claim in await pager.outbox.claim(10)]
        await pager.outbox.record(busy)
        await pager.advance(1.1)
        assert {claim.lost_claims for claim in await pager.outbox.claim(10)} == {0}

    async def test_the_most_severe_pages_are_claimed_first_then_the_longest_owed(self, pager, application):
        for severity in (Severity.INFO, Severity.ERROR, Severity.WARNING):
            await application.handle([raising(severity, severity=severity)])
            await application.escalate_due(10)
        await pager.advance(1)
        await application.handle([raising("late", severity=Severity.CRITICAL)])
        await application.escalate_due(10)
        order = [(await pager.outbox.claim(2))[0].notification.monitored_service_id for _ in range(5)]
        assert order == ["checkout", "late", "error", "warning", "info"]

    async def test_when_no_page_of_a_level_gets_through_the_next_level_is_due_at_once(self, pager, application):
        one, other = await pager.outbox.claim(10)
        assert await pager.outbox.record([result_of(one, Refused("no such user"))]) == 1
        assert await pager.store.due(10) == []
        assert await pager.outbox.record([result_of(other, FateUnknown("gave up"))]) == 1
        assert [incident.monitored_service_id for incident in await pager.store.due(10)] == [CHECKOUT]
        assert await application.escalate_due(10) == 1
        assert whom(await pager.outbox.claim(10)) == ["person-2-1", "person-2-2"]
        [incident] = await pager.views.incidents(CHECKOUT, (), None, 1)
        lines = await pager.views.events(incident, 0, 100)
        assert [line.sequence for line in lines] == list(range(1, incident.event_count + 1))
        assert [line.what for line in lines].count(LevelUndeliverable(1, 1)) == 1

    async def test_one_page_that_gets_through_keeps_the_delay(self, pager, application):
        one, other = await pager.outbox.claim(10)
        await pager.outbox.record([result_of(one, HandedOff("smtp")), result_of(other, Refused("no"))])
        assert await pager.store.due(10) == []

    async def test_no_more_than_the_limit_is_claimed(self, pager, application):
        assert len(await pager.outbox.claim(1)) == 1
        assert len(await pager.outbox.claim(1)) == 1
        assert await pager.outbox.claim(1) == []

    async def test_claims_at_once_share_the_pages_out(self, pager, application):
        await application.handle([raising(f"service-{n}") for n in range(10)])
        await application.escalate_due(100)
        claimed = await asyncio.gather(*(pager.retrying(outbox.claim, 3) for outbox in pager.outboxes(10)))
        rest = await pager.outbox.claim(100)
        pages = [claim.notification.notification_id for claims in [*claimed, rest] for claim in claims]
        assert len(pages) == len(set(pages)) == 22

    async def test_a_settled_page_is_owed_no_more_and_has_its_line(self, pager, application):
        one, other = await pager.outbox.claim(10)
        results = [result_of(one, HandedOff("smtp", "their-id")), result_of(other, Refused("no"))]
        assert await pager.outbox.record(results) == 2
        await pager.advance(60)
        assert await pager.outbox.claim(10) == []
        assert await pager.outbox.seconds_until_due() is None
        settled = {line.notification_id: line for line in await self.settled(pager)}
        assert settled == {event.notification_id: event for result in results for event in result.events}

    async def test_a_postponed_page_is_owed_after_its_pause_and_has_no_line(self, pager, application):
        one, other = await pager.outbox.claim(10)
        later = [
            result_of(one, NotNow("busy", timedelta(seconds=30))),
            result_of(other, NotNow("b", timedelta(hours=1))),
        ]
        assert await pager.outbox.record(later) == 2
        assert await pager.outbox.claim(10) == []
        await pager.advance(30.1)
        [again] = await pager.outbox.claim(10)
        assert (again.notification, again.attempt) == (one.notification, 2)
        assert await self.settled(pager) == []

    async def test_the_record_of_an_outdated_claim_is_ignored(self, pager, application):
        old = await pager.outbox.claim(10)
        await pager.advance(10.1)
        new = await pager.outbox.claim(10)
        assert await pager.outbox.record([result_of(claim, Refused("late")) for claim in old]) == 0
        assert await pager.outbox.record([result_of(claim, NotNow("late", timedelta(0))) for claim in old]) == 0
        assert await pager.outbox.claim(10) == []
        assert await pager.outbox.record([result_of(claim, HandedOff("smtp")) for claim in new]) == 2
        assert {line.outcome for line in await self.settled(pager)} == {Outcome.HANDED_OFF}

    async def test_a_second_record_of_one_claim_is_ignored_also_within_one_call(self, pager, application):
        claims = await pager.outbox.claim(10)
        results = [result_of(claim, HandedOff("smtp")) for claim in claims]
        assert await pager.outbox.record([*results, *results]) == 2
        assert await pager.outbox.record(results) == 0
        assert len(await self.settled(pager)) == 2

    async def test_a_page_that_waits_is_cancelled_by_an_acknowledgement(self, pager, application):
        await application.handle([acknowledging()])
        assert await pager.outbox.claim(10) == []
        assert {(line.outcome, line.possibly_duplicated) for line in await self.settled(pager)} == {
            (Outcome.CANCELLED, False)
        }
        assert len(await self.settled(pager)) == 2

    async def test_a_page_that_was_put_off_is_cancelled_by_an_acknowledgement_and_marked(self, pager, application):
        claims = await pager.outbox.claim(10)
        await pager.outbox.record([result_of(claim, NotNow("busy", timedelta(seconds=1))) for claim in claims])
        await application.handle([acknowledging()])
        await pager.advance(2)
        assert await pager.outbox.claim(10) == []
        assert [line.possibly_duplicated for line in await self.settled(pager)] == [True, True]

    async def test_a_held_page_is_left_to_its_holder_by_an_acknowledgement(self, pager, application):
        [held] = await pager.outbox.claim(1)
        await application.handle([acknowledging()])
        assert len(await self.settled(pager)) == 1
        assert await pager.outbox.record([result_of(held, HandedOff("smtp"))]) == 1
        assert sorted(line.outcome for line in await self.settled(pager)) == ["cancelled", "handed_off"]

    async def test_a_claim_says_that_its_incident_was_answered_meanwhile(self, pager, application):
        await pager.outbox.claim(10)
        await application.handle([healing(), raising()])
        await pager.advance(10.1)
        claims = await pager.outbox.claim(10)
        assert {claim.is_wanted for claim in claims} == {False}

    async def test_ends_and_alerts_at_once_number_the_timeline_without_a_gap(self, pager, application):
        claims = await pager.outbox.claim(10)
        await asyncio.gather(
            *(pager.retrying(pager.outbox.record, [result_of(claim, HandedOff("smtp"))]) for claim in claims),
            *(pager.retrying(application.handle, [raising()]) for _ in range(10)),
        )
        assert len(await self.settled(pager)) == 2
