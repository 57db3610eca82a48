"""PagerApplicationService: the use cases, over ports.

Every use case is a handful of steps: open the unit of work, fetch, tell the rules, save, commit. Incoming events come
as a *batch* that shares one unit of work; one that cannot be granted fails alone.
"""

from collections.abc import Callable, Sequence

from pager_domain.errors import DomainError
from pager_domain.kernel import EmailTarget, NotificationTarget, SealedAddress
from pager_domain.pager.batch import MOST_FORESEEN, Batch
from pager_domain.pager.delivery import (
    MAX_LOST_CLAIMS,
    answered_meanwhile,
    discreet,
    quarantined,
    result_of,
    unreadable,
)
from pager_domain.pager.events import IncidentId
from pager_domain.pager.firing import Found, fire
from pager_domain.pager.model import Answer, Request
from pager_domain.pager.policy_choice import question_of
from pager_domain.pager.ports.deliveries import Deliveries
from pager_domain.pager.ports.email_sender import EmailSender, HandOff
from pager_domain.pager.ports.escalation_policy_repository import EscalationPolicyRepository
from pager_domain.pager.ports.monitored_services import MonitoredServices, NotAsForeseen
from pager_domain.pager.ports.notification_outbox import Claim, NotificationOutbox, Result
from pager_domain.pager.ports.sms_sender import SmsSender


class PagerApplicationService:
    """Takes alerts, acknowledgements and healthy events; fires what is due; hands off what is owed.

    ``catch_all`` is paged when no policy can be had: a raised alert never ends at nobody.
    """

    def __init__(
        self,
        store: MonitoredServices,
        outbox: NotificationOutbox,
        policies: EscalationPolicyRepository,
        email_sender: EmailSender,
        sms_sender: SmsSender,
        catch_all: Sequence[NotificationTarget],
        new_incident_id: Callable[[], IncidentId],
    ) -> None:
        self._store = store
        self._outbox = outbox
        self._policies = policies
        self._email_sender = email_sender
        self._sms_sender = sms_sender
        self._catch_all = tuple(catch_all)
        self._new_incident_id = new_incident_id

    async def handle(
        self, batch: Sequence[Request], foresee: Callable[[Sequence[Answer | DomainError]], None] | None = None
    ) -> list[Answer | DomainError]:
        """Grants each request or says why not, in their order; what was granted is durable when this returns.

        ``foresee`` is told before the commit what will be returned if that stands; nobody may hear of it until then.

        Raises:
            StoreUnavailable: all of the batch may be stored, or nothing.
        """
        async with self._store.unit_of_work() as work:
            opened = await Batch.open(work, batch, self._new_incident_id)
            results = [opened.result_of(request) for request in batch]
            if len(batch) <= MOST_FORESEEN:  # of more the processor is busy, and questions that go together cost less
                self._ask_ahead(opened)
            await opened.save(work)
            if foresee is not None:
                foresee(results)
            await work.commit()
        return results

    def _ask_ahead(self, opened: Batch) -> None:
        """A question in a trace belongs to the span of its level, which begins when the incident is found due."""
        untraced = [incident for incident in opened.foreseen() if not incident.traceparent]
        if untraced:
            self._policies.ask_ahead([question_of(incident) for incident in untraced])

    async def escalate_due(self, limit: int, deliveries: Deliveries | None = None) -> int:
        """Fires the next level of up to ``limit`` due incidents and returns how many it found.

        Policies are asked for before the transaction; inside it each incident is locked and looked at again, or must be
        as it was. The pages that ``deliveries`` has room for are claimed in it too, and begun once that stands.
        """
        opened = self._store.opened_here(limit)
        due = opened or await self._store.due(limit)
        if not due:
            return 0
        found = Found(due, await self._policies.resolve([question_of(incident) for incident in due]))
        # What was opened here a moment ago is most likely as it was.
        if not opened or not await self._fired_as_foreseen(found, deliveries):
            last_known = await self._store.last_known_policies(found.unanswered) if found.unanswered else {}
            async with self._store.unit_of_work() as work:
                await fire(work, found, last_known, self._catch_all, deliveries)
        return len(due)

    async def _fired_as_foreseen(self, found: Found, deliveries: Deliveries | None) -> bool:
        recipients = found.foreseen_recipients()
        if recipients is None:
            return False
        try:
            async with self._store.foreseen_unit_of_work(recipients) as work:
                await fire(work, found, {}, self._catch_all, deliveries)
        except NotAsForeseen:
            return False
        return True

    async def claim_due(self, limit: int) -> list[Claim]:
        """Up to ``limit`` messages for what is owed now, held for one lease."""
        return await self._outbox.claim(limit)

    async def attempt(self, claim: Claim) -> Result:
        """Hands off a claimed page, unless its incident was answered meanwhile, and says what became of it."""
        if not claim.is_wanted:
            return answered_meanwhile(claim)
        if claim.lost_claims >= MAX_LOST_CLAIMS:
            return quarantined(claim)
        answer = await self._hand_off(claim)
        return unreadable(claim) if answer is None else result_of(claim, answer)

    async def record(self, results: Sequence[Result]) -> int:
        """Makes durable what became of claimed pages."""
        return await self._outbox.record(results)

    async def _hand_off(self, claim: Claim) -> HandOff | None:
        """None if nobody can read the address."""
        page, target, token = claim.notification, claim.notification.target, claim.attempt
        page_id, since_first = page.notification_id, claim.since_first_attempt
        if isinstance(target, EmailTarget):
            if isinstance(target.address, SealedAddress):
                return None
            sent = self._email_sender.send_email(target.address, page.subject, page.body, page_id, token, since_first)
        else:
            if isinstance(target.number, SealedAddress):
                return None
            sent = self._sms_sender.send_sms(target.number, page.body, page_id, token, since_first)
        return discreet(await sent, target)
