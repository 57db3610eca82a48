"""What the pager counts beside its calls. docs/metrics.md says what each number means and what it does not."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from time import monotonic

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pager_domain.pager.audit import PROMISES
from pager_domain.pager.auditor import Audited
from pager_domain.pager.events import NotificationSettled, Outcome
from pager_domain.pager.ports.notification_outbox import Claim, Postponed, Result, Settled
from pager_domain.pager.retention import Past
from pager_domain.pager.targets import Channel

_LATENESS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 300, 900)
_PAGE_LATENESS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_LONGEST_ATTEMPT_SECONDS = 60.0
_BEFORE_DUE = "cancelled_before_due"

# Series whose labels are known begin at 0: Prometheus does not see the increase that brings a series to life.


class AuditMetrics:
    """What the audit found."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._broken = Counter(
            "pager_promises_broken_total", "Broken promises the audit found.", ["promise"], registry=registry
        )
        self._incidents = Counter("pager_audit_incidents_total", "Incidents the audit judged.", registry=registry)
        self._last_pass = Gauge(
            "pager_audit_last_pass_timestamp_seconds", "When all that had changed was judged.", registry=registry
        )
        for promise in PROMISES:
            self._broken.labels(promise)

    def judged(self, audited: Audited) -> None:
        """The audit has judged a slice."""
        self._incidents.inc(audited.incidents)
        for violation in audited.violations:
            self._broken.labels(violation.promise).inc()
        if not audited.is_behind:
            self._last_pass.set_to_current_time()


class CanaryMetrics:
    """Whether the canary comes through. Made only where there is a canary, so that nobody misses one that is off."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._last_success = Gauge(
            "pager_canary_last_success_timestamp_seconds", "When a canary was paged end to end.", registry=registry
        )

    def came_through(self) -> None:
        """A canary was paged end to end."""
        self._last_success.set_to_current_time()


class Overdue:
    """How long at most something has been due that nobody took: the time since a look that found nothing due.

    It is told when it is asked for, so it also grows while the loop that looks is stuck or cannot reach the database.
    """

    def __init__(self, name: str, text: str, registry: CollectorRegistry, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since = clock()
        Gauge(name, text, registry=registry).set_function(lambda: self._clock() - self._since)

    def looked(self, seconds_until_due: float | None) -> None:
        """A loop that had nothing to take asked when something will be due (0 or less: it is; None: nothing is)."""
        self._since = self._clock() + min(0.0, seconds_until_due or 0.0)


class ForecastMetrics:
    """How old the oldest last known policy is; it is told when it is asked for, so it grows while nobody asks."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._learnt: float | None = None
        gauge = Gauge(
            "pager_oldest_forecast_age_seconds", "Since when the oldest last known policy is known.", registry=registry
        )
        gauge.set_function(lambda: 0.0 if self._learnt is None else self._clock() - self._learnt)

    def looked(self, oldest: timedelta | None) -> None:
        """The oldest was learnt so long ago; None: none is known."""
        self._learnt = None if oldest is None else self._clock() - oldest.total_seconds()


class PageMetrics:
    """How pages end, and which had to be put off."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = monotonic) -> None:
        self._settled = Counter(
            "pager_pages_settled_total", "Pages that reached their end.", ["channel", "outcome"], registry=registry
        )
        self._postponed = Counter(
            "pager_pages_postponed_total", "Attempts after which a page is owed again.", ["channel"], registry=registry
        )
        self.overdue = Overdue(
            "pager_delivery_overdue_seconds", "How long at most a page has been due and not taken.", registry, clock
        )
        self._lateness = Histogram(
            "pager_page_lateness_seconds",
            "How long after it was owed first a page was handed off.",
            ["channel"],
            buckets=_PAGE_LATENESS,
            registry=registry,
        )
        self._clock = clock
        self._claimed: dict[tuple[str, int], float] = {}
        for channel in Channel:
            self._lateness.labels(channel.value)
            self._postponed.labels(channel.value)
            for outcome in (*(outcome.value for outcome in Outcome), _BEFORE_DUE):
                self._settled.labels(channel.value, outcome)

    def settled(self, ends: Iterable[NotificationSettled]) -> None:
        """These ends stand in timelines."""
        for end in ends:
            outcome = _BEFORE_DUE if end.before_due else end.outcome.value
            self._settled.labels(end.target.channel.value, outcome).inc()

    def claimed(self, claims: Iterable[Claim]) -> None:
        """Attempts begin. One whose end is never told is forgotten after a minute."""
        now = self._clock()
        for claim in [claim for claim, since in self._claimed.items() if now - since > _LONGEST_ATTEMPT_SECONDS]:
            del self._claimed[claim]
        self._claimed |= {_name_of(claim): now for claim in claims}

    def recorded(self, results: Sequence[Result]) -> None:
        """Attempts have ended so."""
        for result in results:
            since = self._claimed.pop(_name_of(result.claim), None)
            if isinstance(result, Settled):
                self.settled(result.events)
                self._handed_off(result, since)
            elif isinstance(result, Postponed):
                self._postponed.labels(result.claim.pages[0].channel.value).inc()

    def _handed_off(self, result: Settled, claimed: float | None) -> None:
        if result.outcome is Outcome.HANDED_OFF and claimed is not None:
            attempt = self._clock() - claimed
            for page, age in zip(result.claim.pages, result.claim.page_ages, strict=True):
                self._lateness.labels(page.channel.value).observe(age.total_seconds() + attempt)


def _name_of(claim: Claim) -> tuple[str, int]:
    return claim.notification.notification_id, claim.attempt


def unreadable_addresses(registry: CollectorRegistry) -> Counter:
    """Stored addresses that no key opens, each counted when a process meets it first."""
    return Counter("pager_unreadable_addresses_total", "Stored addresses that no key opens.", registry=registry)


def forgotten_rows(registry: CollectorRegistry) -> Counter:
    """Rows of what was over that are gone, by what it was. Made only where anything is ever forgotten."""
    counter = Counter("pager_forgotten_rows_total", "Rows of what was over, forgotten.", ["what"], registry=registry)
    for what in Past:
        counter.labels(what.value)
    return counter


class EscalationMetrics:
    """Whether levels fire when they are due, and which incidents ran out of them."""

    def __init__(self, registry: CollectorRegistry, clock: Callable[[], float] = monotonic) -> None:
        self._lateness = Histogram(
            "pager_escalation_lateness_seconds",
            "How long after it was due a level was notified.",
            buckets=_LATENESS,
            registry=registry,
        )
        self._exhausted = Counter(
            "pager_incidents_exhausted_total", "Incidents whose last level was notified in vain.", registry=registry
        )
        self.overdue = Overdue(
            "pager_escalation_overdue_seconds", "How long at most a level has been due and not fired.", registry, clock
        )

    def fired(self, late: timedelta) -> None:
        """A level was notified, so long after it was due."""
        self._lateness.observe(late.total_seconds())

    def exhausted(self) -> None:
        """All levels and repeats of an incident were notified."""
        self._exhausted.inc()
