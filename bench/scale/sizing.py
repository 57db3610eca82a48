"""The least that keeps up with so many alerts a second, by trying the model."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

from bench.scale.costs import Costs, Load
from bench.scale.model import MAX_BATCH, simulated
from bench.scale.scenario import Machines, Seen, Traffic

PATIENCE = 0.1
"""Seconds in which 99 of 100 messages must be answered."""
FULL = 0.8
"""How busy the busiest may be: what comes at random needs room."""
_CELLS = (1, 2, 4, 8, 16, 32)
_MORE = (1.0, 1.3, 1.7, 2.2, 3.0, 4.0)
_ALERTS, _SHORTEST, _LONGEST = 30_000, 0.6, 60.0


@dataclass(frozen=True, slots=True)
class Need:
    """What was enough, what the model saw there, and what stopped the next smaller try."""

    traffic: Traffic
    machines: Machines
    seen: Seen
    limit: str


def needed(traffic: Traffic, machines: Machines, costs: Costs) -> Need:
    """The fewest cells, and in them the fewest replicas, that answer in time.

    Raises:
        ValueError: the hottest service is too much for one replica; or more than 32 cells would be needed, or four
            times the replicas that the interpreters alone need.
    """
    limit = ""
    if machines.sticky and hottest(traffic, costs) > FULL:
        raise ValueError(f"{traffic.rate:,.0f} alerts/s: the hottest service alone is more than one interpreter takes")
    for tried in _candidates(traffic, machines, costs):
        seen = simulated(tried, traffic, costs, seconds=_seconds(traffic), warm=0.4)
        if is_enough(seen):
            return Need(traffic, tried, seen, limit)
        limit = seen.busiest
    raise ValueError(f"no size tried keeps up with {traffic.rate:,.0f} alerts a second: {limit}")


def is_enough(seen: Seen) -> bool:
    """Whether all is answered in time with room to spare."""
    return seen.keeps_up and seen.answer_seconds(0.99) <= PATIENCE and seen.busy[seen.busiest] <= FULL


def _candidates(traffic: Traffic, machines: Machines, costs: Costs) -> Iterator[Machines]:
    least = interpreters(traffic, costs) / FULL
    for cells in _CELLS:
        sizes = dict.fromkeys(max(1, ceil(least * more / cells)) * cells for more in _MORE)
        yield from (replace(machines, cells=cells, replicas=replicas) for replicas in sizes)


def interpreters(traffic: Traffic, costs: Costs) -> float:
    """How many interpreters would be busy all the time if every batch were full: no fewer replicas can do."""
    opening = round(MAX_BATCH * traffic.new)
    repeated = min(MAX_BATCH - opening, traffic.services)
    full = Load(MAX_BATCH, opening, repeated, traffic.with_request_ids)
    call = costs.call if traffic.message == 1 else 0.0
    return traffic.rate * (costs.pager.of(full) / MAX_BATCH + call)


def hottest(traffic: Traffic, costs: Costs) -> float:
    """The same for the hottest service alone, which sticky alerts bring to one replica."""
    share = (1 - traffic.new) / sum(1 / number**traffic.zipf for number in range(1, traffic.services + 1))
    return interpreters(replace(traffic, rate=traffic.rate * share, new=0.0, services=1), costs)


def _seconds(traffic: Traffic) -> float:
    """Enough alerts for a quantile, and not more."""
    return min(_LONGEST, max(_SHORTEST, _ALERTS / traffic.rate))
