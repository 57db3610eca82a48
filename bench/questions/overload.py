"""What is left when ten times as much comes as can be done? Alerts taken a second ÷ those taken at the peak.

The peak is as many calls in flight as the pager has places, all of new services. Between two measures of it come ten
times as many callers, who repeat at once whatever is refused (the worst of clients), and callers who raise ten times as
many alerts a second as the peak had. Meanwhile people acknowledge, 20 a second, over a connection of their own.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import count, islice
from typing import Any

from bench.answer import Answer, Row, at_least, at_most
from bench.effort import Effort
from bench.figures import Figure, quantile
from bench.load.bodies import ACKNOWLEDGE, RAISE, acknowledgements, alert_for, alerts
from bench.load.flood import Flood, Flooded
from bench.load.loops import closed_loop, open_loop
from bench.rounds import Rounds, Sample, Side
from bench.servers.databases import Engine, fresh_store
from bench.servers.rooms import Pager, running_pager
from bench.sides import latency_ms
from bench.stored import stored

GOAL = "L5"
PLACES, STREAMS = 256, 128
TIMES = 10
ACKNOWLEDGEMENTS_A_SECOND = 20.0
CALLERS, RATE = "ten times the callers", "ten times the rate"
KNOWN = [f"known-{number}" for number in range(1000)]
_SETTINGS = {"PAGER_RAISE_PLACES": str(PLACES), "PAGERD_STREAMS": str(STREAMS)}


async def ask(effort: Effort) -> Answer:
    """On the embedded engine, where calls and commits share a thread: the worst case."""
    async with fresh_store(Engine.SQLITE) as store:
        with running_pager(store, settings=_SETTINGS) as pager:
            load = _Load(pager, effort.pick(full=4.0, quick=1.5))
            await closed_loop([pager.target], RAISE, alerts(KNOWN), STREAMS)
            sides = {CALLERS: load.callers, RATE: load.rate}
            rounds = await effort.rounds(full=4, quick=1, least=2).bracketed(load.peak, sides)
            memory = Figure.of([pager.resident_mib()])
        found = await stored(store)
    taken = load.taken + len(KNOWN)
    checks = found.checks("taken", incidents=taken, alerts=taken)
    return Answer(
        [*_rows(rounds), Row(GOAL, "memory of the pager after it", memory, "MiB")], checks, {"rounds": rounds.raw()}
    )


class _Load:
    """What is sent to one pager; ``taken`` counts all that it took."""

    def __init__(self, pager: Pager, seconds: float) -> None:
        self._pager = pager
        self._seconds = seconds
        self._floods = count()
        self._peak = 0.0
        self._known = iter(KNOWN)
        self.taken = 0

    async def peak(self) -> Sample:
        """As many calls as there are places."""
        sample = await self._flooded(PLACES // STREAMS, Flood.closed_loop)
        self._peak = max(self._peak, sample.figure)
        return sample

    @property
    def callers(self) -> Side:
        """Ten times as many calls, and each that is refused comes again at once."""
        return partial(self._flooded, TIMES * PLACES // STREAMS, Flood.closed_loop)

    async def rate(self) -> Sample:
        """Ten times as many calls a second, over as many connections."""
        send = partial(Flood.open_loop, rate=TIMES * self._peak)
        return await self._flooded(TIMES * PLACES // STREAMS, lambda flood, until: send(flood, until=until))

    async def _flooded(
        self, connections: int, send: Callable[[Flood, asyncio.Event], Coroutine[Any, Any, Flooded]]
    ) -> Sample:
        number = next(self._floods)
        flood = Flood(self._pager.target, RAISE, partial(_body, number), connections=connections, in_flight=STREAMS)
        over, used = asyncio.Event(), self._pager.cpu_seconds()
        async with asyncio.TaskGroup() as group:
            acknowledging = group.create_task(self._acknowledged())
            flooding = group.create_task(send(flood, over))
            await asyncio.sleep(self._seconds)
            over.set()
        found, latencies = flooding.result(), acknowledging.result()
        self.taken += len(found.taken)
        seen = {
            "taken_a_cpu_second": len(found.taken) / (self._pager.cpu_seconds() - used),
            "acknowledge_p99_ms": quantile(latencies, 0.99) * 1e3,
            "refused_a_second": len(found.refused) / found.seconds,
            "latency_ms": latency_ms(found.latencies),
        }
        return Sample(found.rate, seen)

    async def _acknowledged(self) -> list[float]:
        wanted = int(self._seconds * ACKNOWLEDGEMENTS_A_SECOND)
        bodies = acknowledgements(islice(self._known, wanted))
        calls = await open_loop(self._pager.target, ACKNOWLEDGE, bodies, ACKNOWLEDGEMENTS_A_SECOND)
        return [call.latency for call in calls]


def _body(flood: int, number: int) -> bytes:
    return alert_for(f"flood-{flood}-{number}").SerializeToString()


def _rows(rounds: Rounds) -> list[Row]:
    rows = []
    for side in (CALLERS, RATE):
        rows.append(Row(GOAL, f"alerts taken, {side} ÷ peak", rounds.ratio(side), limit=at_least(0.9)))
        rows.append(
            Row(GOAL, f"alerts taken a second of the pager's processor time, {side} ÷ peak", _by_cpu(rounds, side))
        )
        p99 = rounds.seen(side, "acknowledge_p99_ms")
        rows.append(Row(GOAL, f"acknowledgement, {side}, p99", p99, "ms", limit=at_most(1000)))
        rows.append(Row(GOAL, f"refused, {side}", rounds.seen(side, "refused_a_second"), "/s"))
    rows.append(Row(GOAL, "alerts taken at the peak", rounds.base(), "/s"))
    rows.append(Row(GOAL, "acknowledgement at the peak, p99", rounds.seen_of_base("acknowledge_p99_ms"), "ms"))
    return rows


def _by_cpu(rounds: Rounds, side: str) -> Figure:
    """What refusals cost, whatever else runs on the machine."""
    key = "taken_a_cpu_second"
    found = [each[side] for each in rounds.rounds]
    return Figure.of(2 * one.sample.more[key] / (one.before.more[key] + one.after.more[key]) for one in found)
