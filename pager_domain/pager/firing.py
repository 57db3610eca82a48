"""Firing levels: what was found due is judged by what is stored, and what follows from it is saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pager_domain.kernel import MonitoredServiceId, NotificationTarget
from pager_domain.pager.batch import MOST_FORESEEN
from pager_domain.pager.events import MOST_SEVERE_FIRST, IncidentId, Timeout
from pager_domain.pager.levels import ResolvedLevel
from pager_domain.pager.maintenance import last_to_end, on_due_in_window
from pager_domain.pager.model import Change, EscalationPolicy, Incident, MonitoredService
from pager_domain.pager.policy_choice import chosen_policy, question_of, unknown_assignee
from pager_domain.pager.ports.deliveries import Deliveries
from pager_domain.pager.ports.escalation_policy_repository import NoPolicy, PolicyQuestion
from pager_domain.pager.ports.monitored_services import UnitOfWork
from pager_domain.pager.ports.notification_outbox import Claim
from pager_domain.pager.service import PagerService
from pager_domain.pager.silence import on_assignee_unknown

Answer = EscalationPolicy | NoPolicy
LastKnown = Mapping[MonitoredServiceId, tuple[EscalationPolicy, datetime]]


@dataclass(frozen=True, slots=True)
class Found:
    """Incidents that were found due, and what the policy service answered about each of them."""

    incidents: Sequence[Incident]
    answers: Sequence[Answer]

    @property
    def services(self) -> list[MonitoredServiceId]:
        """Of the incidents, in their order."""
        return [incident.monitored_service_id for incident in self.incidents]

    @property
    def unanswered(self) -> list[MonitoredServiceId]:
        """Services of which the policy service did not say whom to page."""
        pairs = zip(self.services, self.answers, strict=True)
        return [service for service, answer in pairs if not isinstance(answer, EscalationPolicy)]

    def by_question(self) -> "dict[tuple[IncidentId, PolicyQuestion], Answer]":
        """The answers, by which incident was asked about and how."""
        return dict(zip(map(_asked, self.incidents), self.answers, strict=True))

    def foreseen_recipients(self) -> list[NotificationTarget] | None:
        """All whom the first levels may page; None where that cannot be said yet."""
        if len(self.incidents) > MOST_FORESEEN:  # one of them may well change meanwhile
            return None
        recipients: list[NotificationTarget] = []
        for incident, answer in zip(self.incidents, self.answers, strict=True):
            if not isinstance(answer, EscalationPolicy) or incident.level or incident.assigned_to is not None:
                return None
            first = next((level for level in answer.levels if isinstance(level, ResolvedLevel)), None)
            rules = [target.rule_for(incident.alert.severity) for target in first.targets] if first else []
            recipients += [step.target for rule in rules for step in rule.steps]
        return recipients


async def fire(
    work: UnitOfWork,
    found: Found,
    last_known: LastKnown,
    catch_all: Sequence[NotificationTarget],
    deliveries: Deliveries | None,
) -> None:
    """Fires what is due of ``found`` and commits; ``deliveries`` begin the pages that they have room for."""
    changes: list[Change] = []
    learnt: dict[MonitoredServiceId, EscalationPolicy] = {}
    due = await work.due_services(found.services)
    windows, answers = await work.maintenance_windows(due), found.by_question()
    for service_id, service in due.items():
        answer = answers.get(_asked(service.incident)) if service.incident is not None else None
        if answer is None or service.incident is None:
            continue  # another incident opened, or was given to others, meanwhile; it will be found again
        if lasting := last_to_end(windows[service_id], work.now):
            changes.append(on_due_in_window(service, *lasting, work.now))
            continue
        changes.append(_change(service, service.incident, answer, last_known.get(service_id), catch_all, work.now))
        if isinstance(answer, EscalationPolicy) and question_of(service.incident).is_of_the_service:
            learnt[service_id] = answer
    await work.save(changes, known_policies=learnt)
    claims = await _claimed_at_once(work, changes, deliveries.room) if deliveries else []
    await work.commit()
    if deliveries:
        deliveries.begin(claims)


def _change(
    service: MonitoredService,
    incident: Incident,
    answer: Answer,
    last_known: tuple[EscalationPolicy, datetime] | None,
    catch_all: Sequence[NotificationTarget],
    now: datetime,
) -> Change:
    if fault := unknown_assignee(incident, answer):
        return on_assignee_unknown(service, fault, now)
    resolved = chosen_policy(incident, answer, last_known, catch_all, now)
    return PagerService.on_timeout(service, Timeout(now), resolved)


async def _claimed_at_once(work: UnitOfWork, changes: Sequence[Change], room: int) -> list[Claim]:
    """Claims of the pages that were made just now and are owed now, the most severe first."""
    pages = [page for change in changes for page in change.notifications if not page.delay]
    pages.sort(key=lambda page: MOST_SEVERE_FIRST.index(page.severity))
    return await work.claim(pages, room) if pages and room > 0 else []


def _asked(incident: Incident) -> tuple[IncidentId, PolicyQuestion]:
    return incident.incident_id, question_of(incident)
