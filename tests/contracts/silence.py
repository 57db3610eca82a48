"""What every store promises about silence. A signer gives ``pager`` as to the other contracts."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import (
    CHECKOUT,
    a_level,
    a_policy,
    acknowledging,
    an_application,
    escalating,
    healing,
    raising,
    reassigning,
    snoozing,
)
from fakes.escalation_policies import DOWN, FakeEscalationPolicies

from pager_domain.pager.audit import violations
from pager_domain.pager.delivery import result_of
from pager_domain.pager.events import LevelNotified, NotificationSettled, Outcome
from pager_domain.pager.interventions import (
    AcknowledgementExpired,
    Assignee,
    AssigneeKind,
    AssigneeUnknown,
    IncidentEscalated,
    IncidentReassigned,
    IncidentReopened,
    IncidentSnoozed,
)
from pager_domain.pager.model import IncidentState
from pager_domain.pager.ports.email_sender import HandedOff, NotNow

EXPIRING = replace(a_policy(levels=2), acknowledgement_expiry=timedelta(minutes=30))

FLAPPING = replace(a_policy(levels=2), reopen_window=timedelta(minutes=5))


class SilenceContract:
    @pytest.fixture
    async def pager(self):
        raise NotImplementedError

    @pytest.fixture
    def policies(self):
        return FakeEscalationPolicies(a_policy(levels=2))

    @pytest.fixture
    def application(self, pager, policies):
        return an_application(pager.store, pager.outbox, policies)

    async def done(self, application, *requests):
        """What the requests did, one after the other; what is due is fired after each."""
        answers = []
        for batch in ([request] for request in requests) if requests else [[]]:
            answers += await application.handle(batch) if batch else []
            while await application.escalate_due(10):
                pass
        return answers

    async def told(self, pager, *kinds):
        """The causes in the timeline of checkout, of these kinds; the audit finds no promise broken."""
        [incident] = await pager.views.incidents(CHECKOUT, (), None, 1)
        assert [str(violation) for record in await pager.records() for violation in violations(record)] == []
        lines = [line.what for line in await pager.views.events(incident, 0, 1000)]
        return [what for what in lines if isinstance(what, kinds or object)]

    async def steps(self, pager):
        return [(what.cycle, what.level) for what in await self.told(pager, LevelNotified)]

    async def incident(self, pager):
        return (await pager.views.service(CHECKOUT)).incident

    async def test_a_snoozed_incident_is_quiet_and_pages_when_the_snooze_ends(self, pager, application):
        raised, snoozed = await self.done(application, raising(), snoozing(minutes=60, note="lunch"))
        assert snoozed.incident.incident_id == raised.incident.incident_id
        assert await pager.outbox.claim(10) == []
        [told] = await self.told(pager, IncidentSnoozed)
        assert (told.snoozed_by, told.note, told.until) == ("ana", "lunch", snoozed.incident.held_until)
        assert (await self.incident(pager)).held_until == told.until
        await pager.advance(3590)
        await self.done(application)
        assert await self.steps(pager) == [(1, 1)]
        assert 0 < await pager.store.seconds_until_due() <= 10
        await pager.advance(11)
        await self.done(application)
        assert await self.steps(pager) == [(1, 1), (1, 2)]
        assert (await self.incident(pager)).held_until is None
        assert len(await pager.outbox.claim(10)) == 2

    async def test_a_snooze_in_the_batch_of_the_alert_holds_the_first_level(self, pager, application):
        await application.handle([raising(), snoozing(minutes=1)])
        await self.done(application)
        assert await self.steps(pager) == []
        await pager.advance(61)
        await self.done(application)
        assert await self.steps(pager) == [(1, 1)]

    async def test_a_page_that_a_delivery_holds_does_not_leave_later_while_the_incident_is_snoozed(
        self, pager, application
    ):
        await self.done(application, raising())
        claims = await pager.outbox.claim(10)
        await self.done(application, snoozing(minutes=60))
        await pager.outbox.record([result_of(claim, NotNow("busy")) for claim in claims])
        await pager.advance(40)
        again = await pager.outbox.claim(10)
        assert [claim.is_wanted for claim in again] == [False, False]
        await application.record([await application.attempt(claim) for claim in again])
        assert {end.outcome for end in await self.told(pager, NotificationSettled)} == {Outcome.CANCELLED}
        incident = await self.incident(pager)
        assert incident.next_escalation_at == incident.held_until

    @pytest.mark.parametrize("how", ["lost", "put off"])
    async def test_a_page_that_a_delivery_held_is_not_tried_again_for_those_it_was_taken_from(
        self, pager, application, policies, how
    ):
        """The level of those who have it now is paged, and nobody of those who had it before."""
        policies.store(replace(a_policy(levels=1), policy_id="them"))
        await self.done(application, raising())
        claims = await pager.outbox.claim(10)
        await self.done(application, reassigning(Assignee(AssigneeKind.POLICY, "them")))
        if how == "put off":
            await pager.outbox.record([result_of(claim, NotNow("busy")) for claim in claims])
        await pager.advance(40)
        wanted = {claim.notification.cycle: claim.is_wanted for claim in await self.ended(pager, application)}
        assert wanted == {1: False, 2: True}
        assert [end.outcome for end in await self.told(pager, NotificationSettled) if end.cycle == 1] == [
            Outcome.CANCELLED,
            Outcome.CANCELLED,
        ]

    async def ended(self, pager, application):
        """Claims of all that is owed, handed off or cancelled."""
        claims = await pager.outbox.claim(20)
        await application.record([await application.attempt(claim) for claim in claims])
        return claims

    async def test_a_snooze_of_an_acknowledged_incident_opens_it_at_its_end(self, pager, application):
        await self.done(application, raising(), acknowledging(), snoozing(minutes=60))
        assert (await self.incident(pager)).state is IncidentState.ACKNOWLEDGED
        await pager.advance(3601)
        await self.done(application)
        assert (await self.incident(pager)).state is IncidentState.OPEN
        assert await self.steps(pager) == [(1, 1), (2, 1)]

    async def test_a_repeat_of_a_snooze_gets_the_first_answer_and_moves_nothing(self, pager, application):
        _, first = await self.done(application, raising(), snoozing(minutes=60, request_id="z"))
        await pager.advance(60)
        [again] = await self.done(application, snoozing(minutes=60, request_id="z"))
        assert again.incident.held_until == first.incident.held_until
        assert len(await self.told(pager, IncidentSnoozed)) == 1

    async def test_an_acknowledgement_that_expires_opens_the_incident_and_pages_from_level_1(
        self, pager, application, policies
    ):
        policies.default = EXPIRING
        await self.done(application, raising(), acknowledging())
        assert 1790 < await pager.store.seconds_until_due() <= 1800
        assert await pager.outbox.claim(10) == []
        await pager.advance(1801)
        await self.done(application)
        assert await self.told(pager, AcknowledgementExpired) == [AcknowledgementExpired("ana")]
        assert await self.steps(pager) == [(1, 1), (2, 1)]
        assert (await self.incident(pager)).acknowledged_by == ""
        await self.done(application, acknowledging(by="ben"), healing())
        await pager.advance(10_000)
        await self.done(application)
        assert await self.steps(pager) == [(1, 1), (2, 1)]

    async def test_an_escalation_by_hand_pages_the_next_level_at_once(self, pager, application):
        await self.done(application, raising(), acknowledging(), escalating(by="ben"))
        assert await self.told(pager, IncidentEscalated) == [IncidentEscalated("ben")]
        assert await self.steps(pager) == [(1, 1), (1, 2)]
        assert (await self.incident(pager)).state is IncidentState.OPEN
        [refused] = await self.done(application, escalating(by="ben"))
        assert type(refused).__name__ == "NoLevelLeft"
        assert await self.steps(pager) == [(1, 1), (1, 2)]

    async def test_a_reassigned_incident_pages_the_others_and_they_stay(self, pager, application, policies):
        policies.people["ben"] = a_policy("person/ben", levels=[a_level(9, targets=1)], repeats=1)
        await self.done(application, raising(), reassigning(Assignee(AssigneeKind.PERSON, "ben")))
        assert await self.told(pager, IncidentReassigned) == [IncidentReassigned("ana", Assignee("person", "ben"))]
        assert await self.steps(pager) == [(1, 1), (2, 1)]
        claims = await pager.outbox.claim(10)
        assert [claim.notification.target.target_id for claim in claims] == ["person-9-1"]
        policies.revisions["person/ben", 1] = policies.people["ben"]
        await pager.advance(901)
        await self.done(application)
        assert [what.policy_id for what in await self.told(pager, LevelNotified)] == [
            "shop",
            "person/ben",
            "person/ben",
        ]
        known = await pager.store.last_known_policies([CHECKOUT])
        assert [policy.policy_id for policy, _ in known.values()] == ["shop"]

    async def test_whom_an_incident_is_given_to_survives_until_the_policy_service_answers(
        self, pager, application, policies
    ):
        assignee = Assignee(AssigneeKind.POLICY, "storage")
        await self.done(application, raising())
        policies.fault = DOWN
        await self.done(application, reassigning(assignee))
        assert (await self.incident(pager)).assigned_to == assignee
        policies.fault = None
        policies.store(a_policy("storage", revision=4))
        await pager.advance(11)
        await self.done(application)
        incident = await self.incident(pager)
        assert (incident.policy.policy_id, incident.policy.revision, incident.assigned_to) == ("storage", 4, None)
        assert await self.steps(pager) == [(1, 1), (2, 1), (3, 1)]

    async def test_nobody_of_that_name_leaves_the_incident_with_the_former_people(self, pager, application):
        ben = Assignee(AssigneeKind.PERSON, "ben")
        await self.done(application, raising(), reassigning(ben))
        assert [told.assignee for told in await self.told(pager, AssigneeUnknown)] == [ben]
        assert [(what.policy_id, what.cycle) for what in await self.told(pager, LevelNotified)] == [
            ("shop", 1),
            ("shop", 2),
        ]

    async def handed_off(self, pager):
        claims = await pager.outbox.claim(10)
        await pager.outbox.record([result_of(claim, HandedOff("smtp")) for claim in claims])

    async def test_an_alert_within_the_window_continues_the_incident_and_makes_no_page_again(
        self, pager, application, policies
    ):
        policies.default = FLAPPING
        [first] = await self.done(application, raising())
        await self.handed_off(pager)
        await self.done(application, healing())
        await pager.advance(290)
        [again] = await self.done(application, raising())
        assert (again.incident.incident_id, again.changed, again.alert_count) == (first.incident.incident_id, False, 2)
        assert await self.steps(pager) == [(1, 1)]
        incident = await self.incident(pager)
        assert (incident.state, incident.resolved_at, incident.reopen_until) == (IncidentState.OPEN, None, None)
        assert len(await self.told(pager, IncidentReopened)) == 1
        assert 600 < await pager.store.seconds_until_due() <= 611
        await pager.advance(612)
        await self.done(application)
        assert await self.steps(pager) == [(1, 1), (1, 2)]

    async def test_after_the_window_another_incident_opens(self, pager, application, policies):
        policies.default = FLAPPING
        [first] = await self.done(application, raising())
        await self.handed_off(pager)
        await self.done(application, healing())
        await pager.advance(301)
        [second] = await self.done(application, raising())
        assert second.changed
        assert second.incident.incident_id != first.incident.incident_id

    async def test_pages_that_were_cancelled_before_they_went_out_are_made_up_for(self, pager, application, policies):
        policies.default = FLAPPING
        await self.done(application, raising(), healing(), raising())
        assert await self.steps(pager) == [(1, 1), (2, 1)]
        assert len(await pager.outbox.claim(10)) == 2

    async def test_so_are_those_that_a_delivery_held_whose_end_is_not_known(self, pager, application, policies):
        policies.default = FLAPPING
        await self.done(application, raising())
        lost = await pager.outbox.claim(10)
        await self.done(application, healing(), raising())
        assert await self.steps(pager) == [(1, 1), (2, 1)]
        await pager.advance(40)
        again = await self.ended(pager, application)
        assert {claim.notification.cycle: claim.is_wanted for claim in again} == {1: False, 2: True}
        assert len(again) == len(lost) + 2

    async def test_in_one_batch_the_pages_that_wait_are_owed_still(self, pager, application, policies):
        policies.default = FLAPPING
        await self.done(application, raising())
        await application.handle([healing(), raising()])
        await self.done(application)
        assert await self.steps(pager) == [(1, 1)]
        assert len(await pager.outbox.claim(10)) == 2

    async def test_but_not_those_of_people_from_whom_it_was_taken_in_the_same_batch(self, pager, application, policies):
        policies.default = FLAPPING
        policies.store(replace(a_policy(levels=1), policy_id="them"))
        await self.done(application, raising())
        given = reassigning(Assignee(AssigneeKind.POLICY, "them"))
        await application.handle([given, healing(), raising()])
        ends = await self.told(pager, NotificationSettled)
        assert [(end.cycle, end.outcome) for end in ends] == [(1, Outcome.CANCELLED)] * 2

    async def test_a_reopened_incident_stays_with_whoever_had_it(self, pager, application, policies):
        policies.default = FLAPPING
        await self.done(application, raising(), acknowledging(), healing(), raising())
        incident = await self.incident(pager)
        assert (incident.state, incident.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "ana")
        await pager.advance(1801)
        await self.done(application)
        assert await self.steps(pager) == [(1, 1), (2, 1)]
