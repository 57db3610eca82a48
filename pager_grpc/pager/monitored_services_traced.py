"""Another store, with a span for each level that is notified in it; the pages of the level carry it over the outbox."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import IncidentId, LevelNotified
from pager_domain.pager.model import Change, EscalationPolicy, Incident, StoredAnswer
from pager_domain.pager.ports.monitored_services import MonitoredServices, UnitOfWork
from pager_grpc.pager.monitored_services_forwarded import ForwardedMonitoredServices, ForwardedUnitOfWork
from pager_grpc.runtime.trace_context import current_traceparent
from pager_grpc.runtime.tracing import Span, Tracing


class LevelSpans:
    """The spans of one step of the escalation loop: from finding an incident due until its level is durable.

    The question to the policy service is asked for all at once. It is a child of the first of them and has links to
    the others.
    """

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing
        self._spans: dict[IncidentId, Span] = {}

    def begin(self, found: Sequence[Incident]) -> None:
        """A span for each incident whose trace is followed."""
        for incident in found:
            if incident.traceparent:
                ids = {
                    "pager.incident_id": incident.incident_id,
                    "pager.monitored_service_id": incident.monitored_service_id,
                }
                self._spans[incident.incident_id] = self._tracing.begin(
                    "notify level", parent=incident.traceparent, attributes=ids
                )
        current_traceparent.set(next((span.traceparent for span in self._spans.values()), ""))

    def followed(self, change: Change) -> Change:
        """``change`` as its span tells it; its pages are children of that span."""
        span = self._spans.get(change.incident.incident_id) if change.incident is not None else None
        if span is None:
            return change
        for event in change.events:
            span.note({"pager.outcome": type(event.what).__name__})
            if isinstance(event.what, LevelNotified):
                level = {"pager.cycle": event.what.cycle, "pager.level": event.what.level}
                span.note(level | {"pager.targets": len(event.what.targets), "pager.pages": len(change.notifications)})
        pages = tuple(replace(page, traceparent=span.traceparent) for page in change.notifications)
        return replace(change, notifications=pages)

    def end(self, fault: str = "") -> None:
        """Ends what has begun. An incident that was not due any more when it was locked has no outcome."""
        for span in self._spans.values():
            if fault:
                span.fail(fault)
            span.end()
        self._spans.clear()
        current_traceparent.set("")


class TracedUnitOfWork(ForwardedUnitOfWork):
    """``work``, whose levels have spans."""

    def __init__(self, work: UnitOfWork, levels: LevelSpans) -> None:
        super().__init__(work)
        self._levels = levels

    async def save(
        self,
        changes: Sequence[Change],
        *,
        answers: Sequence[StoredAnswer] = (),
        known_policies: Mapping[MonitoredServiceId, EscalationPolicy] | None = None,
    ) -> None:
        """As the unit of work."""
        followed = [self._levels.followed(change) for change in changes]
        await self._work.save(followed, answers=answers, known_policies=known_policies)

    async def commit(self) -> None:
        """As the unit of work."""
        await self._work.commit()
        self._levels.end()


class TracedMonitoredServices(ForwardedMonitoredServices):
    """``store`` for one escalation loop."""

    def __init__(self, store: MonitoredServices, tracing: Tracing) -> None:
        super().__init__(store)
        self._levels = LevelSpans(tracing)

    def seen(self, work: UnitOfWork) -> UnitOfWork:
        """``work``, traced."""
        return TracedUnitOfWork(work, self._levels)

    def opened_here(self, limit: int) -> list[Incident]:
        """As the store. What the step before has begun and not ended did not become durable."""
        self._levels.end("not durable")
        return self._begun(self._store.opened_here(limit))

    async def due(self, limit: int) -> list[Incident]:
        """As ``opened_here``."""
        self._levels.end("not durable")
        return self._begun(await self._store.due(limit))

    def _begun(self, found: list[Incident]) -> list[Incident]:
        self._levels.begin(found)
        return found
