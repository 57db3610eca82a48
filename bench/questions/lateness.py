"""How late do levels fire when many are due together? Fired minus due, p99, at 1,000 due a second ÷ at 1 a second."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count as counting
from time import monotonic

from bench.answer import Answer, Check, Row, at_most
from bench.calm import until_calm
from bench.effort import Effort
from bench.figures import Figure, distribution, quantile
from bench.rounds import Sample, Side, between, raw
from bench.servers.databases import Engine, Store, connected, fresh_store
from bench.servers.pending import Pending, write_pattern, write_pending
from bench.servers.policies import create_policies, policy
from bench.servers.rooms import World, running_world

GOAL = "P7"
ROOMS = ("pager", "policy", "notifier")
_PATIENCE_SECONDS = 60.0
# Written in less time, so that the first is not due before the last is there.
_LEAD_SECONDS = 2.0
_LATENESS = """
SELECT extract(epoch FROM e.at - i.occurred_at)::float8 * 1000 AS ms
FROM incident_events AS e JOIN incidents AS i USING (monitored_service_id, incident_id)
WHERE e.kind = 'LevelNotified' AND e.monitored_service_id LIKE $1
"""


async def ask(effort: Effort) -> Answer:
    """On PostgreSQL, where rows can be written beside the pager; one person is on call and gets bundles."""
    plans = {"1/s": (1.0, effort.pick(full=8, quick=4)), "1,000/s": (1000.0, effort.pick(full=2000, quick=1000))}
    async with fresh_store(Engine.POSTGRESQL, ROOMS) as store:
        await write_pattern(store)
        async with running_world(store) as world:
            await create_policies(world.policy, [policy("default", ["on-call@example.com"])])
            levels = _Levels(world, store)
            sides = {name: levels.due(rate, count) for name, (rate, count) in plans.items()}
            rounds = await effort.rounds(full=3, quick=1).in_turn(sides)
    fired = [sample.more["fired"] for each in rounds for sample in each.values()]
    answer = Answer(checks=[Check("levels fired", len(rounds) * sum(count for _, count in plans.values()), sum(fired))])
    answer.add(_rows(rounds), rounds=raw(rounds))
    return answer


@dataclass(frozen=True, slots=True)
class _Levels:
    """Levels that become due at a steady rate, and how late each fired by the clock of the database."""

    world: World
    store: Store
    batches: "counting[int]" = field(default_factory=counting)

    def due(self, rate: float, count: int) -> Side:
        """``count`` levels, ``rate`` a second; the figure is the p99 of their lateness in milliseconds."""

        async def measured() -> Sample:
            prefix = f"due-{next(self.batches)}"
            moment = f"now() + interval '{_LEAD_SECONDS} seconds' + n * interval '{1 / rate} seconds'"
            await write_pending(self.store, Pending(prefix, count, moment, timelines=True))
            await asyncio.sleep(_LEAD_SECONDS + count / rate)
            late = await self._lateness(prefix, count)
            await until_calm(*(room.pid for room in self.world.rooms.values()))
            more = {"p50": quantile(late, 0.5), "p99": quantile(late, 0.99), "fired": len(late)}
            return Sample(more["p99"], more | {"ms": distribution(late)})

        return measured

    async def _lateness(self, prefix: str, count: int) -> list[float]:
        """In milliseconds, once all have fired."""
        end, late = monotonic() + _PATIENCE_SECONDS, list[float]()
        async with connected(self.store.dsn) as connection:
            while len(late) < count and monotonic() < end:
                await asyncio.sleep(0.2)
                late = [row["ms"] for row in await connection.fetch(_LATENESS, f"{prefix}-%")]
        return late


def _rows(rounds: Sequence[Mapping[str, Sample]]) -> list[Row]:
    many, few = "1,000/s", "1/s"
    ratio = between(rounds, many, few)
    rows = [Row(GOAL, f"lateness of due levels, p99, {many} ÷ {few}", ratio, limit=at_most(10))]
    for rate in (few, many):
        for share in ("p50", "p99"):
            figure = Figure.of(each[rate].more[share] for each in rounds)
            rows.append(Row(GOAL, f"lateness of due levels, {share}, {rate}", figure, "ms"))
    return rows
