"""Calls that have ended, kept as plain numbers and made into series only when somebody looks."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from time import time

import grpc
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

_LABELS = ("method", "code")
_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_NAMES_OF_BOUNDS = [*(str(float(bound)) for bound in _BOUNDS), "+Inf"]
_DURATION = "rpc_duration_seconds"


@dataclass(slots=True)
class Ends:
    """The ends of one method with one code: how many took up to each bound, or longer than all."""

    calls: list[int] = field(default_factory=lambda: [0] * len(_NAMES_OF_BOUNDS))
    seconds: float = 0.0
    since: float = field(default_factory=time)

    def add(self, seconds: float) -> None:
        """One more."""
        self.calls[bisect_left(_BOUNDS, seconds)] += 1
        self.seconds += seconds


class EndedCalls(Collector):
    """The numbers of one room's calls; filled and read on its event loop alone, so nothing is locked.

    A counter and a histogram of prometheus_client check, look for a bucket one by one and take three locks for each
    call that they count.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._untimed: dict[tuple[str, str], Ends] = {}
        self._timed: dict[tuple[str, str], Ends] = {}
        self._tells_since = _created_is_told()
        registry.register(self)

    def of(self, method: str, code: grpc.StatusCode, *, timed: bool) -> Ends:
        """Those of ``method`` with ``code``, from now on among the series; how long they took only if ``timed``."""
        return (self._timed if timed else self._untimed).setdefault((method, code.name), Ends())

    def describe(self) -> Iterator[Metric]:
        """The names, which nobody else may have."""
        yield from _families()

    def collect(self) -> Iterator[Metric]:
        """The series, as a Counter and a Histogram of prometheus_client tell theirs."""
        ended, durations = _families()
        for labels, ends in (self._timed | self._untimed).items():
            ended.add_metric(labels, sum(ends.calls), created=ends.since if self._tells_since else None)
        for labels, ends in self._timed.items():
            durations.add_metric(labels, list(zip(_NAMES_OF_BOUNDS, accumulate(ends.calls), strict=True)), ends.seconds)
            if self._tells_since:
                named = dict(zip(_LABELS, labels, strict=True))
                durations.samples.append(Sample(f"{_DURATION}_created", named, ends.since))
        yield ended
        yield durations


def _families() -> tuple[CounterMetricFamily, HistogramMetricFamily]:
    return (
        CounterMetricFamily("rpc_requests", "Calls that have ended.", labels=_LABELS),
        HistogramMetricFamily(_DURATION, "How long unary calls took.", labels=_LABELS),
    )


def _created_is_told() -> bool:
    """Whether series say since when they count: who runs the process may have told prometheus_client otherwise."""
    [family] = Counter("any", "Any.", registry=None).collect()
    return any(sample.name.endswith("_created") for sample in family.samples)
