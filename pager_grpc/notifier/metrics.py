"""What the notifier counts beside its calls. docs/metrics.md says what each number means."""

from typing import Protocol, runtime_checkable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pager_domain.notifier.messages import Channel

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8)
_OUTCOMES = ("accepted", "refused", "deferred", "in_doubt", "failed")


@runtime_checkable
class Pooled(Protocol):
    """A sender with a bounded number of sessions."""

    @property
    def sessions_in_use(self) -> int:
        """How many carry a message at the moment."""

    @property
    def sessions_limit(self) -> int:
        """How many there may be."""


class ProviderMetrics:
    """Calls of providers: how they ended, how long they took, how many sessions are in use."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._calls = Counter(
            "notifier_provider_calls_total",
            "Calls of providers by their outcome.",
            ["channel", "provider", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "notifier_provider_call_seconds",
            "How long calls of providers took, whatever their outcome.",
            ["channel", "provider"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._in_use = Gauge(
            "notifier_provider_sessions_in_use", "Sessions that carry a message.", ["channel"], registry=registry
        )
        self._limit = Gauge(
            "notifier_provider_sessions_limit", "Sessions that there may be.", ["channel"], registry=registry
        )

    def watch(self, channel: Channel, provider: str, sender: object) -> None:
        """From now on the sessions of ``sender`` are told, if it has any; its outcomes begin at 0."""
        self._seconds.labels(channel.value, provider)
        for outcome in _OUTCOMES:
            self._calls.labels(channel.value, provider, outcome)
        if isinstance(sender, Pooled):
            pooled = sender
            self._in_use.labels(channel.value).set_function(lambda: pooled.sessions_in_use)
            self._limit.labels(channel.value).set(pooled.sessions_limit)

    def answered(self, channel: Channel, provider: str, outcome: str, seconds: float) -> None:
        """A call has ended so."""
        self._calls.labels(channel.value, provider, outcome).inc()
        self._seconds.labels(channel.value, provider).observe(seconds)
