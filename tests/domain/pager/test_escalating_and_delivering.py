"""What the pager does by itself: it escalates what is due and hands off what is owed."""

from datetime import timedelta

import pytest
from builders import (
    CHECKOUT,
    NOON,
    a_level,
    a_policy,
    acknowledging,
    after,
    an_application,
    healing,
    raising,
)
from domain.pager.use_cases import Pager
from fakes.escalation_policies import ABSENT, DOWN, FakeEscalationPolicies

from pager_domain.errors import DomainError, StoreUnavailable
from pager_domain.pager.events import LevelNotified, LevelUndeliverable, NotificationSettled, Outcome, PolicySource
from pager_domain.pager.ports.email_sender import FateUnknown, NotNow, Refused


@pytest.fixture
def pager():
    return Pager()


async def test_what_is_due_pages_its_level_and_asks_for_all_policies_at_once(pager):
    await pager.told(raising("a"), raising("b"))
    assert await pager.application.escalate_due(100) == 2
    assert {question.monitored_service_id for question in pager.policies.asked} == {"a", "b"}
    assert len(pager.policies.asked) == 2
    assert len(pager.waiting()) == 4
    assert await pager.application.escalate_due(100) == 0


async def test_no_more_than_the_limit_is_escalated_and_the_longest_due_comes_first(pager):
    await pager.told(raising("late"))
    pager.clock.advance(1)
    await pager.told(raising("early"))
    assert await pager.application.escalate_due(1) == 1
    assert {page.notification.monitored_service_id for page in pager.store.state.pages.values()} == {"late"}


async def test_rules_1_2_and_7_over_the_ports(pager):
    await pager.told(raising())
    for _ in range(4):
        await pager.deliver()
        await pager.time_passes(900)
        await pager.deliver()
    assert set(pager.senders.sent.values()) == {1}
    assert len(pager.senders.sent) == 4
    assert pager.incident().exhausted
    assert await pager.store.seconds_until_due() is None


def firing(pager):
    line = pager.said(LevelNotified)[-1]
    return [target.target_id for target in line.targets], line.policy_source, line.policy_fault


async def test_with_policy_down_and_nothing_known_the_catch_all_is_paged_and_the_log_says_so(pager):
    pager.policies.fault = DOWN
    await pager.told(raising())
    await pager.time_passes(0)
    assert firing(pager) == (["catch-all"], PolicySource.CATCH_ALL, DOWN.fault)


async def test_with_policy_down_the_last_known_policy_is_used_and_the_log_says_so(pager):
    await pager.told(raising())
    await pager.time_passes(0)
    await pager.told(healing())
    pager.policies.fault = DOWN
    await pager.told(raising())
    await pager.time_passes(60)
    line = [event.what for event in pager.store.state.events if isinstance(event.what, LevelNotified)][-1]
    assert (line.policy_id, line.policy_source) == ("shop", PolicySource.LAST_KNOWN)
    assert line.policy_fault == f"{DOWN.fault}; last known 60 s ago"


async def test_a_policy_that_took_over_from_the_catch_all_is_known_from_then_on(pager):
    pager.policies.fault = DOWN
    await pager.told(raising())
    await pager.time_passes(0)
    pager.policies.fault = None
    await pager.time_passes(30)
    assert firing(pager)[:2] == (["person-1-1", "person-1-2"], PolicySource.CURRENT)
    assert pager.store.state.known_policies[CHECKOUT] == (a_policy(levels=2), after(seconds=30))


async def test_a_service_that_no_policy_covers_pages_the_catch_all_also_if_one_was_known(pager):
    await pager.told(raising())
    await pager.time_passes(0)
    await pager.told(healing())
    pager.policies.default = None
    await pager.told(raising())
    await pager.time_passes(0)
    assert [e.what for e in pager.store.state.events if isinstance(e.what, LevelNotified)][-1].policy_fault == (
        ABSENT.fault
    )


async def test_an_open_incident_keeps_its_revision_while_the_policy_changes(pager):
    await pager.told(raising())
    await pager.time_passes(0)
    pager.policies.default = a_policy(revision=2, levels=[a_level(9)])
    await pager.time_passes(900)
    assert firing(pager)[0] == ["person-2-1", "person-2-2"]


async def test_an_answer_to_a_question_about_an_earlier_incident_is_not_used(pager):
    await pager.told(raising())

    class ReplacedMeanwhile(FakeEscalationPolicies):
        async def resolve(self, questions):
            await pager.told(healing(), raising())
            return await super().resolve(questions)

    replaced = an_application(pager.store, pager.outbox, ReplacedMeanwhile(a_policy()))
    assert await replaced.escalate_due(100) == 1
    assert pager.waiting() == []
    await pager.time_passes(0)
    assert len(pager.waiting()) == 2


async def test_an_acknowledgement_that_comes_while_the_policy_is_asked_wins(pager):
    await pager.told(raising())

    class AnsweredMeanwhile(FakeEscalationPolicies):
        async def resolve(self, questions):
            await pager.told(acknowledging())
            return await super().resolve(questions)

    await an_application(pager.store, pager.outbox, AnsweredMeanwhile(a_policy())).escalate_due(100)
    assert pager.waiting() == []
    assert pager.said(LevelNotified) == []


async def test_each_page_is_handed_to_the_sender_of_its_channel_with_its_id_and_token(pager):
    await pager.told(raising())
    await pager.time_passes(0)
    await pager.deliver()
    assert pager.senders.sent == {"person-1-1@example.com": 1, "+491501000002": 1}
    assert set(pager.senders.tokens) == set(pager.store.state.pages)
    assert set(pager.senders.tokens.values()) == {1}
    assert {line.outcome for line in pager.said(NotificationSettled)} == {Outcome.HANDED_OFF}


async def test_a_page_put_off_is_tried_again_under_the_same_id_with_a_higher_token(pager):
    pager.senders.answers = [NotNow("busy", timedelta(seconds=7))] * 2
    await pager.told(raising())
    await pager.time_passes(0)
    await pager.deliver()
    assert await pager.outbox.seconds_until_due() == 7
    pager.clock.advance(7)
    await pager.deliver()
    assert set(pager.senders.tokens.values()) == {2}
    assert set(pager.senders.sent.values()) == {1}
    assert len(pager.said(NotificationSettled)) == 2


async def test_an_attempt_says_how_long_ago_the_first_may_have_been(pager):
    await pager.told(raising())
    await pager.time_passes(0)
    pager.senders.answers = [NotNow("busy"), NotNow("busy")]
    await pager.deliver()
    assert {*pager.senders.since.values()} == {timedelta()}
    pager.clock.advance(timedelta(days=8).total_seconds())
    for claim in await pager.application.claim_due(2):
        await pager.application.attempt(claim)
    assert {*pager.senders.since.values()} == {timedelta(days=8)}


@pytest.mark.parametrize(
    ("answer", "outcome"), [(Refused("no"), Outcome.UNDELIVERABLE), (FateUnknown("?"), Outcome.IN_DOUBT)]
)
async def test_a_final_answer_is_not_tried_again(pager, answer, outcome):
    pager.senders.answers = [answer] * 2
    await pager.told(raising())
    await pager.time_passes(0)
    await pager.deliver()
    pager.clock.advance(60)
    await pager.deliver()
    assert [line.outcome for line in pager.said(NotificationSettled)] == [outcome] * 2
    assert pager.senders.sent == {}


async def test_a_page_held_while_its_incident_is_acknowledged_is_left_to_its_delivery(pager):
    await pager.told(raising())
    await pager.time_passes(0)
    claims = await pager.application.claim_due(100)
    await pager.told(acknowledging())
    assert len(pager.waiting()) == 2
    results = [await pager.application.attempt(claim) for claim in claims]
    assert await pager.application.record(results) == 2
    assert {line.outcome for line in pager.said(NotificationSettled)} == {Outcome.HANDED_OFF}


async def test_a_page_whose_holder_died_is_cancelled_by_the_next_one_if_somebody_has_answered(pager):
    await pager.told(raising())
    await pager.time_passes(0)
    await pager.application.claim_due(100)
    await pager.told(acknowledging())
    pager.clock.advance(10)
    await pager.deliver()
    assert {(line.outcome, line.possibly_duplicated) for line in pager.said(NotificationSettled)} == {
        (Outcome.CANCELLED, True)
    }
    assert pager.senders.sent == {}


async def test_a_page_whose_holders_all_die_is_not_tried_a_fourth_time_and_the_next_level_is_due(pager):
    await pager.told(raising())
    await pager.time_passes(0)
    for _ in range(3):
        await pager.application.claim_due(100)
        pager.clock.advance(10)
    await pager.deliver()
    assert {(line.outcome, line.possibly_duplicated) for line in pager.said(NotificationSettled)} == {
        (Outcome.IN_DOUBT, True)
    }
    assert pager.senders.sent == {}
    assert pager.said(LevelUndeliverable) == [LevelUndeliverable(1, 1)]


async def test_what_an_outdated_holder_says_is_ignored(pager):
    await pager.told(raising())
    await pager.time_passes(0)
    old = await pager.application.claim_due(100)
    pager.clock.advance(10)
    new = await pager.application.claim_due(100)
    assert [claim.attempt for claim in new] == [2, 2]
    late = [await pager.application.attempt(claim) for claim in old]
    assert await pager.application.record(late) == 0
    assert await pager.application.record([await pager.application.attempt(claim) for claim in new]) == 2
    assert set(pager.senders.sent.values()) == {1}


async def test_nothing_is_due_on_a_quiet_day(pager):
    assert await pager.application.escalate_due(100) == 0
    assert await pager.application.claim_due(100) == []
    assert await pager.told() == []
    assert pager.policies.asked == []
    assert pager.clock.now() == NOON
    assert issubclass(StoreUnavailable, DomainError)
