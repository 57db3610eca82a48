"""The use cases on fakes."""

from datetime import timedelta

import pytest
from builders import (
    CHECKOUT,
    NOON,
    HandClock,
    a_level,
    a_policy,
    acknowledging,
    after,
    an_application,
    healing,
    raising,
)
from fakes.escalation_policies import ABSENT, DOWN, FakeEscalationPolicies
from fakes.monitored_services import FakeMonitoredServices
from fakes.notification_outbox import FakeNotificationOutbox
from fakes.senders import FakeSenders

from pager_domain.errors import DomainError, StoreUnavailable
from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.errors import IncidentUnknown, MonitoredServiceUnknown, NoOpenIncident, RequestIdReused
from pager_domain.pager.events import IncidentId, LevelNotified, NotificationSettled, Outcome, PolicySource
from pager_domain.pager.model import Answer, IncidentState
from pager_domain.pager.ports.email_sender import FateUnknown, NotNow, Refused


class Pager:
    """The use cases over fakes, and what one wants to know of them."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.store = FakeMonitoredServices(self.clock)
        self.outbox = FakeNotificationOutbox(self.store)
        self.policies = FakeEscalationPolicies(a_policy(levels=2))
        self.senders = FakeSenders()
        self.application = an_application(self.store, self.outbox, self.policies, self.senders)

    async def told(self, *requests):
        return await self.application.handle(requests)

    async def granted(self, request) -> Answer:
        [answer] = await self.told(request)
        assert isinstance(answer, Answer), answer
        return answer

    async def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await self.application.escalate_due(100)

    async def deliver(self) -> None:
        claims = await self.application.claim_due(100)
        await self.application.record([await self.application.attempt(claim) for claim in claims])

    def waiting(self):
        return [page.notification.target.target_id for page in self.store.state.pages.values() if page.outcome is None]

    def timeline(self, incident="incident-1"):
        return [event.what for event in self.store.state.events if event.incident_id == incident]

    def said(self, kind):
        return [what for what in self.timeline() if isinstance(what, kind)]

    def incident(self, incident="incident-1"):
        return self.store.state.incidents[IncidentId(incident)]


@pytest.fixture
def pager():
    return Pager()


async def test_an_alert_is_accepted_without_asking_anybody(pager):
    answer = await pager.granted(raising())
    assert (answer.changed, answer.alert_count, answer.incident.state) == (True, 1, IncidentState.OPEN)
    assert pager.policies.asked == []
    assert pager.waiting() == []
    assert pager.store.state.services[CHECKOUT].incident == answer.incident


async def test_one_bad_command_of_a_batch_fails_alone(pager):
    results = await pager.told(
        raising("a"), acknowledging("unknown"), healing("unknown"), acknowledging("a"), raising("b"), raising("a")
    )
    assert [type(result) for result in results] == [
        Answer,
        MonitoredServiceUnknown,
        MonitoredServiceUnknown,
        Answer,
        Answer,
        Answer,
    ]
    assert sorted(pager.store.state.services) == ["a", "b"]
    assert results[-1].alert_count == 2


async def test_refusals_say_what_was_meant(pager):
    await pager.told(raising("a"), healing("a"))
    results = await pager.told(acknowledging("a"), raising("a"), acknowledging("a", incident_id=IncidentId("other")))
    assert [type(result) for result in results] == [NoOpenIncident, Answer, IncidentUnknown]
    assert results[0].metadata == {"monitored_service_id": "a"}
    assert results[2].metadata == {"incident_id": "other"}


@pytest.mark.parametrize("make", [raising, acknowledging, healing])
async def test_a_repeat_of_a_request_gets_the_same_answer_and_changes_nothing(pager, make):
    await pager.told(raising("checkout", "begin"))
    first = await pager.granted(make(request_id="r"))
    before = pager.store.state.copy()
    again = await pager.granted(make(request_id="r"))
    assert (again.changed, again.alert_count) == (first.changed, first.alert_count)
    assert again.incident == first.incident
    assert pager.store.state == before


async def test_a_repeat_within_one_batch_gets_the_same_answer(pager):
    first, again, other = await pager.told(raising(request_id="r"), raising(request_id="r"), raising(request_id="s"))
    assert (first.changed, first.alert_count) == (again.changed, again.alert_count) == (True, 1)
    assert (other.changed, other.alert_count) == (False, 2)
    assert len(pager.timeline()) == 2


@pytest.mark.parametrize("together", [True, False])
async def test_a_request_id_with_other_content_is_refused(pager, together):
    requests = [raising(request_id="r"), raising(request_id="r", message="else"), acknowledging(request_id="r")]
    if together:
        first, *others = await pager.told(*requests)
    else:
        [first], *others = [await pager.told(request) for request in requests]
        others = [refusal for [refusal] in others]
    assert isinstance(first, Answer)
    assert [type(other) for other in others] == [RequestIdReused, RequestIdReused]
    assert pager.incident().alert_count == 1


async def test_a_request_id_belongs_to_its_service(pager):
    one, other = await pager.told(raising("a", request_id="r"), raising("b", request_id="r", message="else"))
    assert one.changed
    assert other.changed


async def test_a_refused_request_may_be_tried_again_under_its_id(pager):
    [refusal] = await pager.told(acknowledging(request_id="r"))
    assert isinstance(refusal, MonitoredServiceUnknown)
    await pager.told(raising())
    assert (await pager.granted(acknowledging(request_id="r"))).changed


async def test_an_acknowledgement_cancels_the_waiting_pages_with_a_line_each(pager):
    await pager.told(raising())
    await pager.time_passes(0)
    assert pager.waiting() == ["person-1-1", "person-1-2"]
    await pager.told(acknowledging())
    assert pager.waiting() == []
    cancelled = pager.said(NotificationSettled)
    assert [(line.target.target_id, line.outcome) for line in cancelled] == [
        ("person-1-1", Outcome.CANCELLED),
        ("person-1-2", Outcome.CANCELLED),
    ]
    await pager.deliver()
    assert pager.senders.sent == {}


async def test_in_one_batch_healthy_and_a_new_alert_cancel_the_pages_of_the_old_incident_only(pager):
    await pager.told(raising())
    await pager.time_passes(0)
    healthy, alert, again = await pager.told(healing(), raising(), raising())
    assert (healthy.changed, alert.changed, again.alert_count) == (True, True, 2)
    assert alert.incident.incident_id == "incident-2"
    assert pager.incident().state is IncidentState.RESOLVED
    assert len(pager.said(NotificationSettled)) == 2
    await pager.time_passes(0)
    assert len(pager.waiting()) == 2
    assert pager.store.state.services[CHECKOUT].incident.incident_id == "incident-2"


async def test_an_alert_after_a_healthy_event_opens_a_new_incident(pager):
    await pager.told(raising())
    await pager.told(healing())
    answer = await pager.granted(raising())
    assert (answer.changed, answer.alert_count, answer.incident.incident_id) == (True, 1, "incident-2")


async def test_every_timeline_counts_without_a_gap_whatever_happens(pager):
    pager.senders.answers = [NotNow("busy", timedelta(seconds=1)), Refused("no")]
    await pager.told(raising("a"), raising("b"), raising("a"))
    for _ in range(4):
        await pager.time_passes(900)
        await pager.deliver()
        await pager.told(raising("a"), raising("b"))
    await pager.told(acknowledging("a"), raising("a"), healing("a"), raising("a"), healing("b"))
    for incident in pager.store.state.incidents.values():
        lines = [event for event in pager.store.state.events if event.incident_id == incident.incident_id]
        assert [line.sequence for line in lines] == list(range(1, len(lines) + 1))
        assert incident.event_count == len(lines)
        assert [line.at for line in lines] == sorted(line.at for line in lines)


async def test_what_is_not_committed_never_was(pager):
    await pager.told(raising())
    before = pager.store.state.copy()
    async with pager.store.unit_of_work() as work:
        await work.services([MonitoredServiceId("new")])
        await work.cancel_waiting([IncidentId("incident-1")])
    assert pager.store.state == before


async def test_a_store_that_goes_away_before_the_commit_keeps_nothing(pager):
    await pager.told(raising())
    before = pager.store.state.copy()

    class GoesAway(FakeEscalationPolicies):
        async def resolve(self, questions):
            pager.store.unreachable = True
            return await super().resolve(questions)

    application = an_application(pager.store, pager.outbox, GoesAway(a_policy()))
    with pytest.raises(StoreUnavailable):
        await application.escalate_due(100)
    with pytest.raises(StoreUnavailable):
        await pager.told(raising())
    assert pager.store.state == before


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
