"""What everybody who forgets promises. A signer gives ``pager`` as to others, with ``outbox_with`` and ``history_of``.

Whoever forgets may keep the incident of the last line of all, so there is always one more: "newest".
"""

from datetime import timedelta

import pytest
from builders import CHECKOUT, a_level, a_policy, acknowledging, an_application, healing, raising
from fakes.escalation_policies import FakeEscalationPolicies

from pager_domain.pager.audit import violations
from pager_domain.pager.delivery import result_of
from pager_domain.pager.events import IncidentId
from pager_domain.pager.forgetting import Forgetting
from pager_domain.pager.ports.email_sender import HandedOff, NotNow
from pager_domain.pager.retention import ANSWERS_KEPT, Past, Retention
from pager_domain.pager.storm import Pace

KEPT = timedelta(days=30)
A_MINUTE = timedelta(minutes=1)
FIRST, SECOND = IncidentId("incident-1"), IncidentId("incident-2")


class HistoryContract:
    @pytest.fixture
    async def pager(self):
        raise NotImplementedError

    @pytest.fixture
    def history(self, pager):
        return pager.history_of()

    @pytest.fixture
    def application(self, pager):
        """The use cases, with a policy of one level and one person."""
        policies = FakeEscalationPolicies(a_policy(levels=[a_level(1, targets=1)]))
        return an_application(pager.store, pager.outbox, policies)

    async def pass_by(self, pager, span):
        await pager.advance(span.total_seconds())

    async def forgets(self, history, what=Past.INCIDENT, kept=KEPT):
        """Everything of one kind that has been over for so long; how many rows that was."""
        total, horizon = 0, await history.now() - kept
        while rows := await history.forget(what, horizon):
            total += rows
        return total

    async def paged(self, application, answer, *requests):
        """The first level of what ``requests`` open is decided, claimed and answered so."""
        await application.handle(requests)
        await application.escalate_due(10)
        claims = await application.claim_due(10)
        await application.record([result_of(claim, answer) for claim in claims])
        return claims

    async def test_a_resolved_incident_goes_whole_when_its_time_has_come(self, pager, history, application):
        await self.paged(application, HandedOff("smtp"), raising("a"), raising("b"))
        await application.handle([healing("a"), healing("b")])
        await self.paged(application, HandedOff("smtp"), raising("newest"))
        await self.pass_by(pager, KEPT - A_MINUTE)
        assert await self.forgets(history) == 0
        await self.pass_by(pager, 2 * A_MINUTE)
        a_line_each = 4  # opened, notified, settled, resolved
        assert await self.forgets(history) == 2 * (a_line_each + 2)
        assert await pager.views.incident(FIRST) is None
        assert [r.incident.monitored_service_id for r in await pager.records()] == ["newest"]
        assert (await pager.views.service("a")).incident is None

    @pytest.mark.parametrize("answer", [None, acknowledging()])
    async def test_an_incident_that_is_not_resolved_is_kept_for_ever(self, pager, history, application, answer):
        await self.paged(application, HandedOff("smtp"), raising())
        await application.handle([answer] if answer else [])
        await application.handle([raising("newest")])
        await self.pass_by(pager, 100 * KEPT)
        assert await self.forgets(history) == 0
        assert len(await pager.records()) == 2

    async def test_a_resolved_incident_is_kept_while_a_page_of_it_is_owed(self, pager, history, application):
        await application.handle([raising()])
        await application.escalate_due(10)
        [held] = await application.claim_due(10)
        await application.handle([healing(), raising("newest")])
        await self.pass_by(pager, KEPT + A_MINUTE)
        assert await self.forgets(history) == 0
        [again] = await application.claim_due(10)
        assert again.notification == held.notification
        await application.record([result_of(again, HandedOff("smtp"))])
        await application.handle([raising("newest", message="again")])
        assert await self.forgets(history) == 6

    async def test_what_is_left_keeps_all_promises(self, pager, history, application):
        await self.paged(application, HandedOff("smtp"), raising(), raising("other"))
        await application.handle([healing(), raising(), healing("other")])
        await self.pass_by(pager, KEPT + A_MINUTE)
        assert await self.forgets(history) > 0
        assert [str(v) for record in await pager.records() for v in violations(record)] == []
        [answer] = await application.handle([raising(message="again")])
        assert (answer.changed, answer.alert_count) == (False, 2)

    async def test_an_answer_is_given_again_until_it_is_forgotten(self, pager, history, application):
        requests = [raising(request_id="r"), healing(request_id="h")]
        [first, _] = await application.handle(requests)
        await self.pass_by(pager, ANSWERS_KEPT - A_MINUTE)
        assert await self.forgets(history, Past.REQUEST_ANSWER, ANSWERS_KEPT) == 0
        [again, _] = await application.handle(requests)
        assert (again.changed, again.incident.incident_id) == (True, first.incident.incident_id)
        await self.pass_by(pager, 2 * A_MINUTE)
        assert await self.forgets(history, Past.REQUEST_ANSWER, ANSWERS_KEPT) == 2
        [new, _] = await application.handle(requests)
        assert new.incident.incident_id == SECOND

    async def test_an_answer_whose_incident_is_gone_still_says_what_was_done(self, pager, history, application):
        await application.handle([raising(request_id="r"), healing()])
        await application.handle([raising("newest")])
        await self.pass_by(pager, KEPT + A_MINUTE)
        await self.forgets(history)
        [again] = await application.handle([raising(request_id="r")])
        assert (again.changed, again.alert_count, again.incident) == (True, 1, None)

    async def test_a_bundle_goes_after_the_last_of_its_pages(self, pager, history, application):
        outbox = pager.outbox_with(Pace(burst=1))
        application = an_application(pager.store, outbox, FakeEscalationPolicies(a_policy(levels=[a_level(targets=1)])))
        [claim] = await self.paged(application, HandedOff("smtp"), raising("a"), raising("b"))
        assert len(claim.pages) == 2
        await application.handle([healing("a"), raising("newest")])
        await self.pass_by(pager, KEPT + A_MINUTE)
        assert await self.forgets(history) == 6
        assert await self.forgets(history, Past.BUNDLE) == 0
        await application.handle([healing("b"), raising("newest", message="again")])
        await self.pass_by(pager, KEPT + A_MINUTE)
        assert await self.forgets(history) == 6
        assert await self.forgets(history, Past.BUNDLE) == 1

    async def test_a_bundle_that_is_owed_is_kept(self, pager, history):
        outbox = pager.outbox_with(Pace(burst=1))
        application = an_application(pager.store, outbox)
        await self.paged(application, NotNow("busy"), raising("a"), raising("b"))
        await self.pass_by(pager, KEPT)
        assert await self.forgets(history, Past.BUNDLE, timedelta()) == 0

    async def test_a_recipient_is_forgotten_when_calm(self, pager, history):
        pace = Pace(burst=2, interval=timedelta(minutes=10))
        application = an_application(pager.store, pager.outbox_with(pace))
        await self.paged(application, HandedOff("smtp"), raising("a"))
        assert await self.forgets(history, Past.RECIPIENT, timedelta()) == 0
        await self.pass_by(pager, timedelta(minutes=11))
        assert await self.forgets(history, Past.RECIPIENT, timedelta()) == 2

    async def test_a_timeline_too_long_for_one_transaction_goes_in_several_and_its_incident_last(
        self, pager, application
    ):
        history = pager.history_of(rows=5, longest=10)
        await application.handle([raising(message=f"{n}") for n in range(12)])
        await application.handle([healing(), raising("newest")])
        await self.pass_by(pager, KEPT + A_MINUTE)
        horizon = await history.now() - KEPT
        while await pager.views.incident(FIRST):
            assert await history.forget(Past.INCIDENT, horizon) > 0
        assert await history.forget(Past.INCIDENT, horizon) == 0
        assert [r.incident.monitored_service_id for r in await pager.records()] == ["newest"]

    async def test_a_watcher_misses_nothing_new_when_all_that_was_old_is_gone(self, pager, history, application):
        began = await pager.views.watch_position()
        await application.handle([raising(), healing()])
        seen = []
        while len(seen) < 2:
            seen += await pager.views.events_since(seen[-1][0] if seen else began, 10)
        await self.pass_by(pager, KEPT + A_MINUTE)
        await self.forgets(history)
        position = seen[-1][0]
        assert await pager.views.events_since(position, 10) == []
        await application.handle([raising("new"), healing("new")])
        found = []
        while len(found) < 2:
            found += await pager.views.events_since(found[-1][0] if found else position, 10)
        assert [event.monitored_service_id for _, event in found] == ["new", "new"]

    async def test_in_order_nothing_goes_that_something_kept_still_names(self, pager, application):
        await self.paged(application, HandedOff("smtp"), raising(request_id="r"))
        await application.handle([healing(request_id="h"), raising("newest")])
        await self.pass_by(pager, KEPT + A_MINUTE)
        forgetting = Forgetting(pager.history_of(), Retention(KEPT))
        gone = []
        while step := await forgetting.step():
            gone.append((step.what, step.rows))
        assert gone == [(Past.REQUEST_ANSWER, 2), (Past.INCIDENT, 6)]

    async def test_a_claim_says_how_old_the_page_is(self, pager, application):
        await application.handle([raising(CHECKOUT)])
        await application.escalate_due(10)
        [first] = await application.claim_due(10)
        await self.pass_by(pager, KEPT)
        [again] = await application.claim_due(10)
        assert timedelta() <= first.age < A_MINUTE
        assert KEPT <= again.age < KEPT + A_MINUTE
