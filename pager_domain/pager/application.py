"""PagerApplicationService: the use cases, over ports.

Every use case is a handful of steps: open the unit of work, fetch, tell the rules, save, commit. Incoming events come
as a *batch* that shares one unit of work; one that cannot be granted fails alone.
"""

from collections.abc import Callable, Sequence

from pager_domain.errors import DomainError
from pager_domain.kernel import EmailTarget, MonitoredServiceId, NotificationTarget, SealedAddress
from pager_domain.pager.batch import Batch
from pager_domain.pager.delivery import (
    MAX_LOST_CLAIMS,
    answered_meanwhile,
    discreet,
    quarantined,
    result_of,
    unreadable,
)
from pager_domain.pager.events import MOST_SEVERE_FIRST, IncidentId, Timeout
from pager_domain.pager.maintenance import last_to_end, on_due_in_window
from pager_domain.pager.model import (
    Answer,
    Change,
    EscalationPolicy,
    Incident,
    Request,
)
from pager_domain.pager.policy_choice import chosen_policy, question_of, unknown_assignee
from pager_domain.pager.ports.deliveries import Deliveries
from pager_domain.pager.ports.email_sender import EmailSender, HandOff
from pager_domain.pager.ports.escalation_policy_repository import EscalationPolicyRepository, PolicyQuestion
from pager_domain.pager.ports.monitored_services import MonitoredServices, UnitOfWork
from pager_domain.pager.ports.notification_outbox import Claim, NotificationOutbox, Result
from pager_domain.pager.ports.sms_sender import SmsSender
from pager_domain.pager.service import PagerService
from pager_domain.pager.silence import on_assignee_unknown


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

    async def handle(self, batch: Sequence[Request]) -> list[Answer | DomainError]:
        """Grants each request or says why not, in their order; what was granted is durable when this returns.

        Raises:
            StoreUnavailable: all of the batch may be stored, or nothing.
        """
        async with self._store.unit_of_work() as work:
            opened = await Batch.open(work, batch, self._new_incident_id)
            results = [opened.result_of(request) for request in batch]
            await opened.save(work)
            await work.commit()
        return results

    async def escalate_due(self, limit: int, deliveries: Deliveries | None = None) -> int:
        """Fires the next level of up to ``limit`` due incidents and returns how many it found.

        Policies are asked for before the transaction; inside it each incident is locked and looked at again. The pages
        that ``deliveries`` has room for are claimed in it too, and begun once that stands.
        """
        found = self._store.opened_here(limit) or await self._store.due(limit)
        if not found:
            return 0
        answers = await self._policies.resolve([question_of(incident) for incident in found])
        ids = [incident.monitored_service_id for incident in found]
        unanswered = [i for i, answer in zip(ids, answers, strict=True) if not isinstance(answer, EscalationPolicy)]
        last_known = await self._store.last_known_policies(unanswered) if unanswered else {}
        answer_for = dict(zip(map(_asked, found), answers, strict=True))
        async with self._store.unit_of_work() as work:
            changes: list[Change] = []
            learnt: dict[MonitoredServiceId, EscalationPolicy] = {}
            due = await work.due_services(ids)
            windows = await work.maintenance_windows(due)
            for service in due.values():
                service_id = service.monitored_service_id
                answer = answer_for.get(_asked(service.incident)) if service.incident is not None else None
                if answer is None or service.incident is None:
                    continue  # another incident opened, or was given to others, meanwhile; it will be found again
                if lasting := last_to_end(windows[service_id], work.now):
                    changes.append(on_due_in_window(service, *lasting, work.now))
                    continue
                if fault := unknown_assignee(service.incident, answer):
                    changes.append(on_assignee_unknown(service, fault, work.now))
                    continue
                known = last_known.get(service_id)
                resolved = chosen_policy(service.incident, answer, known, self._catch_all, work.now)
                changes.append(PagerService.on_timeout(service, Timeout(work.now), resolved))
                if isinstance(answer, EscalationPolicy) and question_of(service.incident).is_of_the_service:
                    learnt[service_id] = answer
            await work.save(changes, known_policies=learnt)
            claims = await _claimed_at_once(work, changes, deliveries.room) if deliveries else []
            await work.commit()
            if deliveries:
                deliveries.begin(claims)
        return len(found)

    async def claim_due(self, limit: int) -> list[Claim]:
        """Up to ``limit`` messages for what is owed now, held for one lease."""
        return await self._outbox.claim(limit)

    async def attempt(self, claim: Claim) -> Result:
        """Hands off a claimed page, unless its incident was answered meanwhile, and says what became of it."""
        if not claim.incident_is_open:
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


async def _claimed_at_once(work: UnitOfWork, changes: Sequence[Change], room: int) -> list[Claim]:
    """Claims of the pages that were made just now and are owed now, the most severe first."""
    pages = [page for change in changes for page in change.notifications if not page.delay]
    pages.sort(key=lambda page: MOST_SEVERE_FIRST.index(page.severity))
    return await work.claim(pages, room) if pages and room > 0 else []


def _asked(incident: Incident) -> tuple[IncidentId, PolicyQuestion]:
    return incident.incident_id, question_of(incident)
