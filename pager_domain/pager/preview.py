"""What would happen: an incident played through by the rules of production, without a store and without a page.

Time is not waited for: each firing is decided at the moment at which it would be due, with the people who are on call
then, as far as anybody knows now.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId, NotificationTarget
from pager_domain.pager.errors import PolicyUnavailable
from pager_domain.pager.events import Acknowledgement, Alert, IncidentEvent, IncidentId, LevelNotified, Timeout
from pager_domain.pager.model import Change, Incident, MonitoredService, ResolvedPolicy
from pager_domain.pager.policy_choice import chosen_policy, question_about
from pager_domain.pager.ports.escalation_policy_repository import EscalationPolicyRepository, NoPolicy
from pager_domain.pager.service import PagerService
from pager_domain.pager.targets import PlannedTarget

MAX_ACKNOWLEDGED_AFTER = timedelta(days=7)
MAX_FIRINGS = 500
"""As many levels are played through at most; whoever wants to see more asks for a later moment."""
MAX_PAGES = 2_000
"""As many pages are told at most."""

_NOBODY = IncidentId("preview")


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """An alert on a Healthy service at a moment, and after how long somebody acknowledges it, if ever."""

    monitored_service_id: MonitoredServiceId
    alert: Alert
    at: datetime
    acknowledged_after: timedelta | None = None

    def __post_init__(self) -> None:
        if self.acknowledged_after is not None and not timedelta() <= self.acknowledged_after <= MAX_ACKNOWLEDGED_AFTER:
            raise InvalidField("acknowledge_after", "must be 0 to 7 days")

    @property
    def acknowledged_at(self) -> datetime | None:
        """When somebody acknowledges."""
        return None if self.acknowledged_after is None else self.at + self.acknowledged_after


@dataclass(frozen=True, slots=True)
class PreviewedPage:
    """A page that would go out ``at``; ``target`` says to whom, how and why."""

    at: datetime
    cycle: int
    level: int
    target: PlannedTarget


@dataclass(frozen=True, slots=True)
class Preview:
    """The timeline as it would be, and its pages by time. ``complete``: the escalation came to its end."""

    incident: Incident
    events: tuple[IncidentEvent, ...]
    pages: tuple[PreviewedPage, ...]
    complete: bool


class EscalationPreview:
    """Plays incidents through. ``catch_all`` is who is paged when no policy covers the service."""

    def __init__(self, policies: EscalationPolicyRepository, catch_all: Sequence[NotificationTarget]) -> None:
        self._policies = policies
        self._catch_all = tuple(catch_all)

    async def preview(self, request: PreviewRequest) -> Preview:
        """What would happen.

        Raises:
            PolicyUnavailable: the policy service does not answer now; what the pager would do then is no preview.
        """
        nothing = MonitoredService(request.monitored_service_id, request.at, request.at)
        played = _Played(PagerService.on_alert(nothing, request.alert, lambda: _NOBODY, request.at))
        answered = request.acknowledged_at
        for _ in range(MAX_FIRINGS):
            due = played.incident.next_escalation_at
            if answered is not None and (due is None or answered <= due):
                played.take(PagerService.on_acknowledgement(played.service, Acknowledgement("somebody"), answered))
                answered = None
            elif due is None:
                return played.told(complete=True)
            elif played.is_full:
                break
            else:
                resolved = await self._resolved(played, due)
                played.take(PagerService.on_timeout(played.service, Timeout(due), resolved))
        return played.told(complete=False)

    async def _resolved(self, played: "_Played", at: datetime) -> ResolvedPolicy:
        question = replace(question_about(played.service), at=at, incident_id=None)
        [answer] = await self._policies.resolve([question])
        if isinstance(answer, NoPolicy) and answer.passing:
            if not answer.reaches_nobody:
                raise PolicyUnavailable(answer.fault)
            # Production looks every few seconds whether somebody can be reached; what it finds nobody knows yet.
            answer = replace(answer, passing=False)
        return chosen_policy(played.incident, answer, None, self._catch_all, at)


class _Played:
    """How far the story has come."""

    def __init__(self, opening: Change) -> None:
        self.service = opening.service
        self.incident = _incident_of(opening)
        self._events = list(opening.events)
        self._pages: list[PreviewedPage] = []

    def take(self, change: Change) -> None:
        """What a rule decided happens; an answer takes the pages back that are still to come."""
        self.service, self.incident = change.service, _incident_of(change)
        self._events += change.events
        for event in change.events:
            if change.stops_paging:
                self._pages = [page for page in self._pages if page.at < event.at]
            self._pages += _pages_of(event)

    @property
    def is_full(self) -> bool:
        """Whether more would not be told."""
        return len(self._pages) > MAX_PAGES

    def told(self, *, complete: bool) -> Preview:
        """All of it, or as much as an answer carries."""
        pages = sorted(self._pages, key=lambda page: (page.at, page.target.target_id))
        return Preview(self.incident, tuple(self._events), tuple(pages[:MAX_PAGES]), complete and not self.is_full)


def _incident_of(change: Change) -> Incident:
    if change.incident is None:
        raise AssertionError("an alert on a Healthy service opens an incident, and nothing here ends it")
    return change.incident


def _pages_of(event: IncidentEvent) -> Iterator[PreviewedPage]:
    if isinstance(what := event.what, LevelNotified):
        for target in what.targets:
            for delay in target.delays or (timedelta(),):
                yield PreviewedPage(event.at + delay, what.cycle, what.level, target)
