"""The use cases over fakes, as the tests of the application want them."""

from builders import (
    HandClock,
    a_policy,
    an_application,
)
from fakes.escalation_policies import FakeEscalationPolicies
from fakes.monitored_services import FakeMonitoredServices
from fakes.notification_outbox import FakeNotificationOutbox
from fakes.senders import FakeSenders

from pager_domain.pager.events import IncidentId
from pager_domain.pager.model import Answer


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
