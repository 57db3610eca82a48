"""Another store; the log says what became of incidents that nobody called about: their levels."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import EscalationExhausted, IncidentEvent, LevelNotified, LevelSkipped
from pager_domain.pager.model import Change, EscalationPolicy, StoredAnswer
from pager_domain.pager.ports.monitored_services import UnitOfWork
from pager_grpc.pager.monitored_services_forwarded import ForwardedMonitoredServices, ForwardedUnitOfWork

log = structlog.get_logger()

_TOLD = (LevelNotified, LevelSkipped, EscalationExhausted)


class LoggedUnitOfWork(ForwardedUnitOfWork):
    """``work``; the levels that it saves are told once they are durable."""

    def __init__(self, work: UnitOfWork) -> None:
        super().__init__(work)
        self._lines: list[dict[str, Any]] = []

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
            self._lines += (_line(event, change) for event in change.events if isinstance(event.what, _TOLD))

    async def commit(self) -> None:
        """As the unit of work."""
        await self._work.commit()
        for line in self._lines:
            log.info(**line)


class LoggedMonitoredServices(ForwardedMonitoredServices):
    """``store``, whose levels are told."""

    def seen(self, work: UnitOfWork) -> UnitOfWork:
        """``work``, told of."""
        return LoggedUnitOfWork(work)


def _line(event: IncidentEvent, change: Change) -> dict[str, Any]:
    what = event.what
    line: dict[str, Any] = {
        "incident_id": event.incident_id,
        "monitored_service_id": event.monitored_service_id,
    }
    match what:
        case LevelNotified():
            pages = len(change.notifications)
            return line | {"event": "level_notified", "cycle": what.cycle, "level": what.level, "pages": pages}
        case LevelSkipped():
            return line | {"event": "level_skipped", "cycle": what.cycle, "level": what.level}
        case _:
            return line | {"event": "incident_exhausted"}
