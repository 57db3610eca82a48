"""How much is under way, as the database has it: every replica tells the same. docs/metrics.md says what it means."""

from collections.abc import Callable
from time import monotonic

from prometheus_client import CollectorRegistry, Gauge

from pager_domain.pager.backlog import Backlog, IncidentStage, PageStage
from pager_domain.pager.ports.backlogs import Backlogs
from pager_domain.pager.targets import Channel

PAUSE_SECONDS = 5.0


class BacklogMetrics:
    """What the last look found. The age of the oldest page grows while nobody can look."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._oldest: float | None = None
        self._pages = Gauge("pager_pages", "Pages that have not ended.", ["stage", "channel"], registry=registry)
        self._in_doubt = Gauge(
            "pager_pages_in_doubt", "Pages of which an attempt ended without a word.", registry=registry
        )
        self._incidents = Gauge("pager_incidents", "Incidents that are not resolved.", ["stage"], registry=registry)
        self._levels = Gauge("pager_levels_due", "Levels that are due and not notified.", registry=registry)
        self._looked = Gauge(
            "pager_backlog_last_look_timestamp_seconds", "When the backlog was last looked at.", registry=registry
        )
        oldest = Gauge(
            "pager_oldest_undelivered_page_seconds",
            "How long the oldest page that is owed and not handed off has been owed.",
            registry=registry,
        )
        oldest.set_function(lambda: 0.0 if self._oldest is None else self._clock() - self._oldest)
        self._show(Backlog())

    def looked(self, backlog: Backlog) -> None:
        """A look has found this."""
        self._show(backlog)
        self._looked.set_to_current_time()

    def _show(self, backlog: Backlog) -> None:
        self._oldest = None if backlog.oldest is None else self._clock() - backlog.oldest.total_seconds()
        self._in_doubt.set(backlog.in_doubt)
        self._levels.set(backlog.levels_due)
        for stage in IncidentStage:
            self._incidents.labels(stage.value).set(backlog.incidents.get(stage, 0))
        for page_stage in PageStage:
            for channel in Channel:
                count = backlog.pages.get((page_stage, channel), 0)
                self._pages.labels(page_stage.value, channel.value).set(count)


class BacklogLoop:
    """Looks every few seconds; runs only where metrics are served."""

    def __init__(self, backlogs: Backlogs, metrics: BacklogMetrics) -> None:
        self._backlogs = backlogs
        self._metrics = metrics

    async def step(self) -> float:
        """Seconds until the next look."""
        self._metrics.looked(await self._backlogs.look())
        return PAUSE_SECONDS
