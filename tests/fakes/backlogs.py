"""What is under way in the dictionaries of :mod:`fakes.monitored_services`."""

from collections import Counter

from fakes.monitored_services import FakeMonitoredServices, Page

from pager_domain.pager.backlog import Backlog, IncidentStage, PageStage
from pager_domain.pager.model import Incident, IncidentState
from pager_domain.pager.ports.backlogs import Backlogs


class FakeBacklogs(Backlogs):
    """Shares the state of ``store``; counts everything."""

    def __init__(self, store: FakeMonitoredServices) -> None:
        self._store = store

    async def look(self) -> Backlog:
        self._store.reach()
        now = self._store.clock.now()
        waiting = [page for page in self._store.state.pages.values() if page.outcome is None]
        staged = [(self._stage(page), page) for page in waiting]
        unresolved = [i for i in self._store.state.incidents.values() if i.state is not IncidentState.RESOLVED]
        due = [i.next_escalation_at for i in unresolved if i.next_escalation_at and i.next_escalation_at <= now]
        return Backlog(
            pages=Counter((stage, page.notification.channel) for stage, page in staged),
            oldest=max((now - page.owed_at for stage, page in staged if stage is not PageStage.LATER), default=None),
            in_doubt=sum(self._delivery_of(page).lost_claims > 0 for page in waiting),
            incidents=Counter(map(_stage_of, unresolved)),
            levels_due=len(due),
            latest=max((now - moment for moment in due), default=None),
        )

    def _stage(self, page: Page) -> PageStage:
        delivery, now = self._delivery_of(page), self._store.clock.now()
        if page.owed_at > now:
            return PageStage.LATER
        if delivery.due_at <= now:
            return PageStage.DUE
        return PageStage.IN_FLIGHT if delivery.held else PageStage.POSTPONED

    def _delivery_of(self, page: Page):
        return self._store.state.bundles[page.bundle_id] if page.bundle_id else page


def _stage_of(incident: Incident) -> IncidentStage:
    if incident.state is IncidentState.ACKNOWLEDGED:
        return IncidentStage.ACKNOWLEDGED
    if incident.exhausted:
        return IncidentStage.EXHAUSTED
    return IncidentStage.HELD if incident.held_until else IncidentStage.OPEN
