"""What every outbox promises of pages that are due later. A signer gives ``pager``, as for the outbox itself."""

from datetime import timedelta

import pytest
from builders import CHECKOUT, a_level, a_level_of, a_person, a_policy, acknowledging, an_application, healing, raising
from fakes.escalation_policies import FakeEscalationPolicies

from pager_domain.pager.audit import violations
from pager_domain.pager.delivery import result_of
from pager_domain.pager.events import LevelNotified, LevelUndeliverable, NotificationSettled, Outcome
from pager_domain.pager.ports.email_sender import FateUnknown, HandedOff, NotNow, Refused
from pager_domain.pager.storm import Pace

ANA = a_person("ana", (0, "ana/mail"), (5, "ana/phone"), every=5)
BEN = a_person("ben", (0, "ben/mail"), (3, "ben/phone"))
POLICY = a_policy(levels=[a_level_of(ANA, BEN, minutes=15), a_level(2)])


def pages(claims):
    """Contact method and step of each claimed page."""
    return sorted((page.contact_method_id, page.step) for claim in claims for page in claim.pages)


def answers(claims, answer):
    return [result_of(claim, answer) for claim in claims]


class DelayedPagesContract:
    @pytest.fixture
    async def pager(self):
        raise NotImplementedError

    @pytest.fixture
    async def application(self, pager):
        """The use cases; ana and ben have been decided to be paged, and no time has passed."""
        application = an_application(pager.store, pager.outbox, FakeEscalationPolicies(POLICY))
        await application.handle([raising()])
        await application.escalate_due(10)
        return application

    async def timeline(self, pager):
        [incident] = await pager.views.incidents(CHECKOUT, (), None, 1)
        return [line.what for line in await pager.views.events(incident, 0, 100)]

    async def ends(self, pager):
        lines = [what for what in await self.timeline(pager) if isinstance(what, NotificationSettled)]
        return sorted((end.target.contact_method_id, end.step, end.outcome, end.before_due) for end in lines)

    async def handed_off(self, pager):
        """Claims what is due and hands it off."""
        claims = await pager.outbox.claim(10)
        await pager.outbox.record(answers(claims, HandedOff("smtp")))
        return pages(claims)

    async def test_each_page_is_owed_when_its_time_has_come(self, pager, application):
        assert await self.handed_off(pager) == [("ana/mail", 0), ("ben/mail", 0)]
        assert 170 < await pager.outbox.seconds_until_due() <= 180
        assert await self.handed_off(pager) == []
        await pager.advance(181)
        assert await self.handed_off(pager) == [("ben/phone", 0)]
        await pager.advance(120)
        assert await self.handed_off(pager) == [("ana/phone", 0)]
        await pager.advance(300)
        assert await self.handed_off(pager) == [("ana/phone", 1)]
        assert await pager.outbox.seconds_until_due() is None
        assert [violation for record in await pager.records() for violation in violations(record)] == []

    async def test_the_timeline_says_who_is_paged_when_and_how(self, pager, application):
        [notified] = [what for what in await self.timeline(pager) if isinstance(what, LevelNotified)]
        said = [(t.person_id, t.contact_method_id, [d.total_seconds() for d in t.delays]) for t in notified.targets]
        assert said == [
            ("ana", "ana/mail", []),
            ("ana", "ana/phone", [300, 600]),
            ("ben", "ben/mail", []),
            ("ben", "ben/phone", [180]),
        ]

    @pytest.mark.parametrize("answer", [acknowledging(), healing()], ids=["acknowledged", "healthy"])
    async def test_an_answer_cancels_what_was_not_due_and_says_that_nobody_was_to_get_it(
        self, pager, application, answer
    ):
        [mail] = [claim for claim in await pager.outbox.claim(10) if claim.notification.person_id == "ana"]
        await pager.outbox.record(answers([mail], NotNow("busy", timedelta(seconds=60))))
        await application.handle([answer])
        cancelled = Outcome.CANCELLED
        later = [
            ("ana/phone", 0, cancelled, True),
            ("ana/phone", 1, cancelled, True),
            ("ben/phone", 0, cancelled, True),
        ]
        assert await self.ends(pager) == [("ana/mail", 0, cancelled, False), *later]  # ben's mail is under way
        await pager.advance(900)
        assert pages(await pager.outbox.claim(10)) == [("ben/mail", 0)]
        assert [violation for record in await pager.records() for violation in violations(record)] == []

    async def test_the_next_step_of_who_was_refused_is_taken_at_once_and_nobody_elses(self, pager, application):
        refused = [claim for claim in await pager.outbox.claim(10) if claim.notification.person_id == "ana"]
        await pager.advance(1)
        await pager.outbox.record(answers(refused, Refused("no such user")))
        assert await pager.outbox.seconds_until_due() <= 0
        [sooner] = await pager.outbox.claim(10)
        assert pages([sooner]) == [("ana/phone", 0)]
        assert 1 <= sooner.notification.delay.total_seconds() < 60
        await pager.outbox.record(answers([sooner], HandedOff("sms")))
        await pager.advance(600)
        assert pages(await pager.outbox.claim(10)) == [("ana/phone", 1), ("ben/mail", 0), ("ben/phone", 0)]
        assert [violation for record in await pager.records() for violation in violations(record)] == []

    async def test_who_is_refused_on_every_way_is_tried_on_each_before_the_next_level_is_due(self, pager, application):
        steps = []
        while claims := await pager.outbox.claim(10):
            steps.append(pages(claims))
            assert await pager.store.due(10) == []
            await pager.outbox.record(answers(claims, Refused("no")))
            await pager.outbox.record(answers(claims, Refused("no")))  # what is recorded twice counts once
        both, phones = [("ana/mail", 0), ("ben/mail", 0)], [("ana/phone", 0), ("ben/phone", 0)]
        assert steps == [both, phones, [("ana/phone", 1)]]
        assert [incident.monitored_service_id for incident in await pager.store.due(10)] == [CHECKOUT]
        assert (await self.timeline(pager)).count(LevelUndeliverable(1, 1)) == 1
        assert [violation for record in await pager.records() for violation in violations(record)] == []

    async def test_a_level_with_a_page_to_come_has_not_reached_nobody(self, pager, application):
        await pager.outbox.record(answers(await pager.outbox.claim(10), FateUnknown("gave up")))
        assert await pager.store.due(10) == []
        assert await pager.outbox.claim(10) == []  # in doubt is not refused: the next step has its time

    async def test_how_long_a_page_has_been_owed_is_counted_from_its_own_time(self, pager, application):
        await self.handed_off(pager)
        await pager.advance(181)
        [claim] = await pager.outbox.claim(10)
        assert claim.since_first_attempt == timedelta()
        await pager.advance(11)
        [again] = await pager.outbox.claim(10)
        assert 11 <= again.since_first_attempt.total_seconds() < 60

    async def test_the_next_level_owes_its_own_pages_and_those_of_the_first_have_all_been_due(self, pager, application):
        await pager.advance(901)
        assert await application.escalate_due(10) == 1
        claims = await pager.outbox.claim(20)
        assert sorted(claim.notification.level for claim in claims) == [1] * 5 + [2] * 2

    async def test_a_refusal_is_recorded_also_when_the_clock_was_set_back_since_its_page_was_made(
        self, pager, application
    ):
        claims = await pager.outbox.claim(10)
        await pager.advance(-120)
        assert await pager.outbox.record(answers(claims, Refused("no such user"))) == 2
        assert pages(await pager.outbox.claim(10)) == [("ana/phone", 0), ("ben/phone", 0)]
        assert [violation for record in await pager.records() for violation in violations(record)] == []

    async def test_a_message_of_a_storm_carries_no_page_that_is_not_due(self, pager, application):
        await application.handle([raising("other")])
        await application.escalate_due(10)
        outbox = pager.outbox_with(Pace(burst=1))
        bundles = await outbox.claim(10)
        assert [pages([bundle]) for bundle in bundles] == [[("ana/mail", 0)] * 2, [("ben/mail", 0)] * 2]
        assert await outbox.claim(10) == []
        await pager.advance(181)
        assert ("ben/phone", 0) in pages(await outbox.claim(10))
