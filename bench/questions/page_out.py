"""How soon is a page at the mail server? From RaiseAlert OK to the complete e-mail, all three processes, ÷ the floor.

Light load: 25 new services a second, each with an address of its own. Half load: the same beside half as many alerts a
second as the pager can take of P2's mixture; its new services page one person, in bundles.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from bench.answer import Answer, Check, Limit, Row, at_most
from bench.calm import until_calm
from bench.effort import Effort
from bench.figures import Figure, distribution, quantile
from bench.floor import floor_of
from bench.load.bodies import OPEN_SERVICES, RAISE, FreshServices, alerts, mostly_repeats
from bench.load.loops import closed_loop, open_loop
from bench.probes import Probes
from bench.rounds import Sample, raw
from bench.servers.databases import SHARE_OF, Engine, fresh_store
from bench.servers.rooms import World, running_world
from bench.sides import IN_FLIGHT

GOAL = "P4"
ROOMS = ("pager", "policy", "notifier")
PAGES_A_SECOND = 25.0
FLOOR, LIGHT, HALF = "floor", "light load", "half load"
_GOALS: Sequence[tuple[str, str, Limit | None]] = (
    (LIGHT, "p50", at_most(2)),
    (LIGHT, "p99", at_most(5)),
    (HALF, "p50", None),
    (HALF, "p99", at_most(20)),
)


async def ask(effort: Effort) -> Answer:
    """Both engines, one after the other; all three rooms store in the same."""
    count = effort.pick(full=100, quick=25)
    answer = Answer()
    for engine in Engine:
        async with fresh_store(engine, ROOMS) as store, running_world(store) as world:
            interleaving = effort.rounds(full=5, quick=1, until=SHARE_OF[engine])
            probes = Probes(world, 2 * interleaving.rounds * count)
            await probes.prepare()
            background = await _background(world, effort.pick(full=2000, quick=500))
            async with floor_of(world, store) as once:
                loads = _Loads(world, probes, once, background, count)
                rounds = await interleaving.in_turn({FLOOR: loads.floor, LIGHT: loads.light, HALF: loads.half})
        answer.checks.append(Check(f"{engine}: e-mails of the probes", probes.taken, probes.arrived))
        answer.add(_rows(engine, rounds, background), **{engine: raw(rounds)})
    return answer


@dataclass(frozen=True, slots=True)
class _Loads:
    """The three sides; each leaves the rooms at rest."""

    world: World
    probes: Probes
    once: Callable[[], Awaitable[float]]
    background: float
    count: int

    async def floor(self) -> Sample:
        """At the pace of the probes, so that the machine sleeps as much between."""
        begun, seconds = monotonic(), []
        for number in range(self.count):
            await asyncio.sleep(max(0.0, begun + number / PAGES_A_SECOND - monotonic()))
            seconds.append(await self.once())
        return _sample(seconds)

    async def light(self) -> Sample:
        """Probes alone."""
        seconds = await self.probes.seconds_to_page(self.count, PAGES_A_SECOND)
        await _rest(self.world)
        return _sample(seconds)

    async def half(self) -> Sample:
        """Probes beside alerts at half of the peak."""
        over, fresh = asyncio.Event(), FreshServices("half")
        bodies = mostly_repeats(int(self.background * (self.count / PAGES_A_SECOND + 2)), fresh)
        async with asyncio.TaskGroup() as group:
            group.create_task(open_loop(self.world.pager.target, RAISE, bodies, self.background, over))
            await asyncio.sleep(0.5)
            seconds = await self.probes.seconds_to_page(self.count, PAGES_A_SECOND)
            over.set()
        await _rest(self.world)
        return _sample(seconds)


async def _background(world: World, count: int) -> float:
    """Half of what the pager takes a second while it pages: the median of three."""
    fresh, target = FreshServices("peak"), [world.pager.target]
    await closed_loop(target, RAISE, alerts(OPEN_SERVICES), 1)
    loads = [await closed_loop(target, RAISE, mostly_repeats(count, fresh), IN_FLIGHT) for _ in range(3)]
    await _rest(world)
    return Figure.of(load.rate for load in loads).median / 2


async def _rest(world: World) -> None:
    await until_calm(*(room.pid for room in world.rooms.values()))


def _sample(seconds: Sequence[float]) -> Sample:
    ms = [each * 1e3 for each in seconds]
    return Sample(quantile(ms, 0.5), {"p50": quantile(ms, 0.5), "p99": quantile(ms, 0.99), "ms": distribution(ms)})


def _rows(engine: Engine, rounds: Sequence[Mapping[str, Sample]], background: float) -> list[Row]:
    what = f"RaiseAlert OK → page at the mail server, {engine}"
    rows = [
        Row(GOAL, f"{what}, {load}, {share} ÷ floor", _ratio(rounds, load, share), limit=limit)
        for load, share, limit in _GOALS
    ]
    rows += [
        Row(GOAL, f"{what}, {load}, {share}" if load != FLOOR else f"floor, {engine}, {share}", figure, "ms")
        for load in (FLOOR, LIGHT, HALF)
        for share in ("p50", "p99")
        for figure in [Figure.of(each[load].more[share] for each in rounds)]
    ]
    return [*rows, Row(GOAL, f"half load, {engine}: alerts beside", Figure.of([background]), "/s")]


def _ratio(rounds: Sequence[Mapping[str, Sample]], load: str, share: str) -> Figure:
    return Figure.of(each[load].more[share] / each[FLOOR].more[share] for each in rounds)
