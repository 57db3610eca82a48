"""Another store; the log says what became of incidents that nobody called about: their levels."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import EscalationExhausted, IncidentEvent, LevelNotified, LevelSkipped
from pager_domain.pager.model import Change, EscalationPolicy, StoredAnswer
from pager_domain.pager.ports.monitored_services import UnitOfWork
from pager_grpc.pager.monitored_services_forwarded import ForwardedMonitoredServices, ForwardedUnitOfWork
from pager_grpc.runtime.lines_together import shares_of_lines

log = structlog.get_logger()

_NAMES: dict[type, tuple[str, str]] = {
    LevelNotified: ("level_notified", "levels_notified"),
    LevelSkipped: ("level_skipped", "levels_skipped"),
    EscalationExhausted: ("incident_exhausted", "incidents_exhausted"),
}
"""Of one incident, and of many."""

Told = tuple[IncidentEvent, int]
"""A line of a timeline, and the pages that go with it."""


class LoggedUnitOfWork(ForwardedUnitOfWork):
    """``work``; the levels that it saves are told once they are durable, those of many incidents together."""

    def __init__(self, work: UnitOfWork) -> None:
        super().__init__(work)
        self._told: dict[tuple[type, int, int], list[Told]] = defaultdict(list)

    async def save(
        self,
        changes: Sequence[Change],
        *,
        answers: Sequence[StoredAnswer] = (),
        known_policies: Mapping[MonitoredServiceId, EscalationPolicy] | None = None,
    ) -> None:
        """As the unit of work."""
        await self._work.save(changes, answers=answers, known_policies=known_policies)
        for change in changes:
            for event in change.events:
                if isinstance(what := event.what, LevelNotified | LevelSkipped | EscalationExhausted):
                    level = 0 if isinstance(what, EscalationExhausted) else what.level
                    self._told[type(what), what.cycle, level].append((event, len(change.notifications)))

    async def commit(self) -> None:
        """As the unit of work."""
        await self._work.commit()
        for kind, told in self._told.items():
            for share in shares_of_lines(told):
                _tell(*kind, share)


class LoggedMonitoredServices(ForwardedMonitoredServices):
    """``store``, whose levels are told."""

    def seen(self, work: UnitOfWork) -> UnitOfWork:
        """``work``, told of."""
        return LoggedUnitOfWork(work)


def _tell(kind: type, cycle: int, level: int, told: Sequence[Told]) -> None:
    of_one, of_many = _NAMES[kind]
    # "level" in a line is how much it matters.
    line: dict[str, Any] = {"cycle": cycle, "escalation_level": level} if level else {}
    if kind is LevelNotified:
        line["pages"] = sum(pages for _, pages in told)
    if len(told) > 1:
        line["incident_ids"] = [event.incident_id for event, _ in told]
        line["monitored_service_ids"] = [event.monitored_service_id for event, _ in told]
        log.info(of_many, **line)
        return
    [(event, _)] = told
    log.info(of_one, **line, incident_id=event.incident_id, monitored_service_id=event.monitored_service_id)
