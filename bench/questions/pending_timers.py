"""What do timers cost that are not due? Finding and firing 100 due levels among 10 thousand to 5 million timers."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from time import monotonic

from bench.answer import Answer, Check, Row, at_most
from bench.effort import Effort
from bench.figures import Figure, quantile
from bench.processes import cpu_seconds
from bench.rounds import Sample, between, raw
from bench.servers.databases import Engine, PostgresServer, Store, connected, postgres_server
from bench.servers.pending import Pending, tomorrow, write_millions, write_pattern
from bench.servers.rooms import running_pager
from bench.servers.use_cases import UseCases, use_cases

GOAL = "P6"
DUE = 100
FIND, FIRE = "find", "find, lock and fire"
_MAKE_DUE = """
UPDATE incidents SET next_escalation_at = clock_timestamp() - interval '1 millisecond'
WHERE monitored_service_id = ANY($1)
"""
_FIRED = "SELECT count(*) FROM incident_events WHERE kind = 'LevelNotified'"


@dataclass(frozen=True, slots=True)
class Among:
    """100 levels are made due among pending ones, found and fired, again and again; ``numbers`` says which."""

    store: Store
    pager: UseCases
    numbers: Iterator[int]

    async def once(self, repeats: int) -> Mapping[str, float]:
        """Medians of ``repeats`` times, in milliseconds."""
        find, fire = [], []
        async with connected(self.store.dsn) as connection:
            for _ in range(repeats):
                await connection.execute(_MAKE_DUE, [f"timer-{next(self.numbers):08d}" for _ in range(DUE)])
                find.append(await _ms(partial(self.pager.store.due, DUE)))
                fire.append(await _ms(partial(self.pager.application.escalate_due, DUE)))
        return {FIND: quantile(find, 0.5), FIRE: quantile(fire, 0.5)}


async def ask(effort: Effort) -> Answer:
    """Every number of timers in a database of its own, on one PostgreSQL."""
    counts = effort.pick(full=(10_000, 100_000, 1_000_000, 5_000_000), quick=(10_000, 100_000))
    answer = Answer()
    with postgres_server() as server:
        stores = {count: await _filled(server, count) for count in counts}
        answer.add(await _idle(stores[counts[-1]], counts[-1], effort))
        await _claims(stores, effort, answer)
    return answer


async def _filled(server: PostgresServer, count: int) -> Store:
    store = Store(Engine.POSTGRESQL, server.folder.parent, {"pager": await server.create_database("pager")}, server)
    await write_pattern(store)
    await write_millions(store, Pending("timer", count, tomorrow(Engine.POSTGRESQL)))
    return store


async def _idle(store: Store, count: int, effort: Effort) -> list[Row]:
    """Processor time of a pager, and of the database, while nothing is due."""
    seconds, settle = effort.pick(full=20.0, quick=3.0), effort.pick(full=4.0, quick=2.0)
    with running_pager(store, paging=True) as pager:
        await asyncio.sleep(settle)
        before, before_server = pager.cpu_seconds(), cpu_seconds(*store.server_pids())
        await asyncio.sleep(seconds)
        used = (pager.cpu_seconds() - before) / seconds * 100
        used_by_server = (cpu_seconds(*store.server_pids()) - before_server) / seconds * 100
    what = f"an idle pager process, {count:,} timers pending"
    return [
        Row(GOAL, f"processor time of {what}", Figure.of([used]), "%", limit=at_most(1)),
        Row(GOAL, f"processor time of PostgreSQL behind {what}", Figure.of([used_by_server]), "%"),
    ]


async def _claims(stores: Mapping[int, Store], effort: Effort, answer: Answer) -> None:
    interleaving, repeats = effort.rounds(full=7, quick=3), effort.pick(full=10, quick=5)
    async with AsyncExitStack() as stack:
        sides = {}
        for count, store in stores.items():
            pager = await stack.enter_async_context(use_cases(store.url))
            chosen = random.Random(count).sample(range(1, count + 1), (interleaving.rounds + 1) * repeats * DUE)  # noqa: S311 - no secret
            sides[str(count)] = partial(_sample, Among(store, pager, iter(chosen)), repeats)
        for side in sides.values():
            await side()  # caches and prepared statements are warm
        rounds = await interleaving.in_turn(sides)
    for count, store in stores.items():
        async with connected(store.dsn) as connection:
            fired = int(await connection.fetchval(_FIRED))
        answer.checks.append(Check(f"levels fired among {count:,}", (len(rounds) + 1) * repeats * DUE, fired))
    answer.add(_rows(rounds, min(stores), max(stores)), rounds=raw(rounds))


async def _sample(among: Among, repeats: int) -> Sample:
    medians = await among.once(repeats)
    return Sample(medians[FIND], medians)


def _rows(rounds: list[dict[str, Sample]], least: int, most: int) -> list[Row]:
    ratio = between(rounds, str(most), str(least))
    fire = Figure.of(r[str(most)].more[FIRE] / r[str(least)].more[FIRE] for r in rounds)
    rows = [
        Row(GOAL, f"{FIND} {DUE} due levels, {most:,} pending ÷ {least:,}", ratio, limit=at_most(1.3)),
        Row(GOAL, f"{FIRE} {DUE} due levels, {most:,} pending ÷ {least:,}", fire, limit=at_most(1.3)),
    ]
    for what in (FIND, FIRE):
        for count in sorted(map(int, rounds[0])):
            seen = Figure.of(each[str(count)].more[what] for each in rounds)
            rows.append(Row(GOAL, f"{what} {DUE} due levels, {count:,} pending, p50", seen, "ms"))
    return rows


async def _ms(work: Callable[[], Awaitable[object]]) -> float:
    begun = monotonic()
    await work()
    return (monotonic() - begun) * 1e3
