"""What becomes of alerts: those that are stored are counted by what they did, the others by how they were answered."""

from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter

from pager_domain.pager.events import AlertRepeated, IncidentEvent, IncidentOpened
from pager_domain.pager.interventions import IncidentReopened

OUTCOMES = ("opened", "repeated", "reopened", "refused", "undecided")


class AlertMetrics:
    """Alerts by their outcome."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._alerts = Counter("pager_alerts_total", "Alerts by what became of them.", ["outcome"], registry=registry)
        for outcome in OUTCOMES:
            self._alerts.labels(outcome)

    def stored(self, events: Iterable[IncidentEvent]) -> None:
        """These lines of timelines stand."""
        tally: Tally[str] = Tally()
        for event in events:
            if isinstance(event.what, IncidentOpened):
                tally["opened"] += 1
            elif isinstance(event.what, AlertRepeated):
                tally["repeated"] += event.what.repeats
            elif isinstance(event.what, IncidentReopened):
                tally["reopened"] += 1
                tally["repeated"] -= 1  # its own alert has a line as a repeated one
        for outcome, count in tally.items():
            self._alerts.labels(outcome).inc(count)

    def not_stored(self, alerts: int = 1) -> None:
        """So many were refused: nothing is stored."""
        self._alerts.labels("refused").inc(alerts)

    def undecided(self) -> None:
        """Whether one is stored its caller does not know, and asks again."""
        self._alerts.labels("undecided").inc()
