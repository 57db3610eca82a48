"""The incidents that an alert would continue, on SQLite and PostgreSQL. Where there is none nothing is asked."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.pager.events import IncidentId
from pager_domain.pager.model import FormerIncident, Incident
from pager_grpc.runtime.selecting import fetch, is_one_of_pairs

_REACHED_SOMEBODY = """
SELECT incident_id FROM incidents AS i WHERE {condition} AND EXISTS (
    SELECT 1 FROM notifications AS n
    WHERE n.monitored_service_id = i.monitored_service_id AND n.incident_id = i.incident_id
    AND n.cycle = i.cycle AND n.level = i.level
    AND (n.state IN ('handed_off', 'merged') OR (n.state = 'waiting' AND n.stopped_at IS NULL))
)
"""


async def former_incidents(
    connection: AsyncConnection, incidents: Iterable[Incident], now: datetime
) -> dict[IncidentId | None, FormerIncident]:
    """Those of ``incidents`` that may be reopened ``now``. Their services must be locked."""
    former = [incident for incident in incidents if incident.reopen_until is not None and now <= incident.reopen_until]
    if not former:
        return {}
    keys = {(incident.monitored_service_id, incident.incident_id) for incident in former}
    condition, binds = is_one_of_pairs(connection, "i.monitored_service_id, i.incident_id", keys)
    found = await fetch(connection, _REACHED_SOMEBODY.format(condition=condition), binds)
    reached = {row["incident_id"] for row in found}
    return {i.incident_id: FormerIncident(i, i.incident_id in reached) for i in former}
