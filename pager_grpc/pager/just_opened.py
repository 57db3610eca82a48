"""Incidents that this process has opened since it looked last: who escalates them need not look for them."""

from collections.abc import Iterable

from pager_domain.pager.events import MOST_SEVERE_FIRST, IncidentId
from pager_domain.pager.model import Incident

_MOST = 1_000


class JustOpened:
    """A hint that may be lost, or be out of date: the database is looked at after each time that it was taken.

    So what others have opened, and what has become due, waits for one turn at most.
    """

    def __init__(self) -> None:
        self._incidents: list[Incident] = []
        self._found: set[IncidentId] = set()
        self._is_all = False

    def note(self, incidents: Iterable[Incident]) -> None:
        """These were committed just now, and are due."""
        self._incidents += incidents
        if len(self._incidents) > _MOST:
            self._incidents.clear()

    def take(self, limit: int) -> list[Incident]:
        """Those that were noted, the most severe first; none if there are more, or if others may be due before them."""
        taken = [incident for incident in self._incidents if incident.incident_id not in self._found]
        self._incidents.clear()
        if not self._is_all or len(taken) > limit:
            return []
        self._is_all = not taken
        return sorted(taken, key=lambda incident: MOST_SEVERE_FIRST.index(incident.alert.severity))

    def looking(self) -> None:
        """Somebody looks for what is due, and will find what was noted so far."""
        self._incidents.clear()

    def looked(self, found: Iterable[Incident], *, found_all: bool) -> None:
        """They have found these; ``found_all``: and nothing is left.

        What was just committed may be noted later than it was found.
        """
        self._found = {incident.incident_id for incident in found}
        self._is_all = found_all
