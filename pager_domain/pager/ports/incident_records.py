"""Reading whole incidents for the audit."""

from collections.abc import Collection
from typing import Protocol

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.audit import IncidentRecord
from pager_domain.pager.events import IncidentId


class IncidentRecords(Protocol):
    """Incidents with their timelines and pages."""

    async def records(self, keys: Collection[tuple[MonitoredServiceId, IncidentId]]) -> list[IncidentRecord]:
        """The records of these incidents, all read at one moment; those with over 1,000 lines are left out."""
