"""The running Pager judges itself: what changed lately is held against the promises."""

from dataclasses import dataclass

from pager_domain.pager.audit import Violation, violations
from pager_domain.pager.ports.incident_records import IncidentRecords
from pager_domain.pager.ports.incident_views import IncidentViews, WatchPosition

LOOK_BACK = 1_000
"""A new process begins so many commits back: what happened around the death of the last one is judged too."""


@dataclass(frozen=True, slots=True)
class Audited:
    """One slice: how many incidents were judged, what they break, and whether more has changed already."""

    incidents: int
    violations: tuple[Violation, ...]
    is_behind: bool


class Auditor:
    """Follows the stream of events and judges each incident that has a new line. It only reads."""

    def __init__(self, views: IncidentViews, records: IncidentRecords) -> None:
        self._views = views
        self._records = records
        self._position: WatchPosition | None = None

    async def audit(self, events: int) -> Audited:
        """Judges the incidents of the next ``events`` events."""
        if self._position is None:
            self._position = _earlier(await self._views.watch_position())
        found = await self._views.events_since(self._position, events)
        keys = {(event.monitored_service_id, event.incident_id) for _, event in found}
        records = await self._records.records(keys) if keys else []
        broken = tuple(violation for record in records for violation in violations(record))
        if found:
            self._position = found[-1][0]
        return Audited(len(records), broken, is_behind=len(found) == events)


def _earlier(position: WatchPosition) -> WatchPosition:
    return WatchPosition(max(0, position.transaction - LOOK_BACK), max(0, position.position - LOOK_BACK))
