"""What is counted of calls is told as prometheus_client's own counter and histogram would tell it."""

import grpc
import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from pager_grpc.runtime.ended_calls import EndedCalls

OK, NOT_FOUND = grpc.StatusCode.OK, grpc.StatusCode.NOT_FOUND
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
# On each bound, beside it, and beyond all.
SECONDS = [0.0, *BOUNDS, *(bound * 1.01 for bound in BOUNDS), 86_400.0]


def told(registry) -> list[str]:
    """The lines of /metrics; not since when, for two are never made at once."""
    lines = generate_latest(registry).decode().splitlines()
    return [line.rpartition(" ")[0] if "_created{" in line else line for line in lines]


def as_prometheus_tells(calls, streams=()) -> list[str]:
    registry, labels = CollectorRegistry(), ["method", "code"]
    ended = Counter("rpc_requests_total", "Calls that have ended.", labels, registry=registry)
    durations = Histogram(
        "rpc_duration_seconds", "How long unary calls took.", labels, buckets=BOUNDS, registry=registry
    )
    for method, code, seconds in calls:
        ended.labels(method, code.name).inc()
        durations.labels(method, code.name).observe(seconds)
    for method, code in streams:
        ended.labels(method, code.name).inc()
    return told(registry)


def as_we_tell(calls, streams=()) -> list[str]:
    registry = CollectorRegistry()
    ended = EndedCalls(registry)
    for method, code, seconds in calls:
        ended.of(method, code, timed=True).add(seconds)
    for method, code in streams:
        ended.of(method, code, timed=False).add(0)
    return told(registry)


@pytest.fixture(params=[True, False], ids=["since when", "not since when"])
def _since_when(request):
    """prometheus_client tells since when a series counts, unless a process says otherwise."""
    if not request.param:
        prometheus_client.disable_created_metrics()
    yield
    prometheus_client.enable_created_metrics()


@pytest.mark.usefixtures("_since_when")
def test_every_line_is_that_of_prometheus_client():
    calls = [("a.v1.A/Get", OK, seconds) for seconds in SECONDS]
    calls += [("a.v1.A/Get", NOT_FOUND, 0.3), ("a.v1.A/List", OK, 0.003)]
    streams = [("a.v1.A/Watch", OK), ("a.v1.A/Watch", OK), ("a.v1.A/Watch", NOT_FOUND)]
    assert as_we_tell(calls, streams) == as_prometheus_tells(calls, streams)


def test_before_the_first_call_the_names_are_told():
    assert as_we_tell(()) == as_prometheus_tells(())


@pytest.mark.parametrize("name", ["rpc_requests_total", "rpc_duration_seconds_count"])
def test_nobody_else_can_have_the_names(name):
    registry = CollectorRegistry()
    EndedCalls(registry)
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        Counter(name, "Another.", registry=registry)
