"""The sides that many questions measure: calls a second of one method of a running pager."""

from collections.abc import Callable, Sequence

from bench.figures import distribution, quantile
from bench.load.bodies import FreshServices, new_alerts
from bench.load.loops import closed_loop
from bench.processes import cpu_seconds
from bench.rounds import Sample, Side
from bench.servers.empty_call import EMPTY, SHARED
from bench.servers.rooms import Pager

IN_FLIGHT = 128

Bodies = Callable[[], list[bytes]]


def calls(
    pagers: Sequence[Pager], method: str, bodies: Bodies, *, in_flight: int = IN_FLIGHT, others: Sequence[int] = ()
) -> Side:
    """Calls a second up to the last completion; ``cpu_us`` a call of the servers and of the processes ``others``."""

    async def measured() -> Sample:
        requests = bodies()
        pids = [*(pager.child.pid for pager in pagers), *others]
        before = cpu_seconds(*pids)
        load = await closed_loop([pager.target for pager in pagers], method, requests, in_flight)
        used = (cpu_seconds(*pids) - before) / len(requests) * 1e6
        seen = {"latency_ms": latency_ms(load.latencies), "ms": in_ms(load.latencies)}
        return Sample(load.rate, {"cpu_us": round(used, 1), **seen})

    return measured


def empty_calls(pager: Pager, count: int, *, in_flight: int = IN_FLIGHT, method: str = EMPTY) -> Side:
    """The empty call with the requests of new alerts."""
    unstored = FreshServices("empty")
    return calls([pager], method, lambda: new_alerts(count, unstored), in_flight=in_flight)


def shared_commit_calls(pager: Pager, count: int) -> Side:
    """The same when it waits for a commit of one row that all share who wait at the same time."""
    return empty_calls(pager, count, method=SHARED)


def in_ms(seconds: Sequence[float]) -> list[tuple[float, float]]:
    """Their distribution, in milliseconds."""
    return [(share, round(value * 1e3, 3)) for share, value in distribution(seconds)]


def latency_ms(seconds: Sequence[float]) -> dict[str, float]:
    """The quantiles that matter, in milliseconds."""
    return {f"p{share * 100:g}": round(quantile(seconds, share) * 1e3, 3) for share in (0.5, 0.9, 0.99, 1)}
