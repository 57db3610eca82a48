"""What does an alert cost that comes alone? RaiseAlert, one call at a time, ÷ the floor: an empty call and a commit.

With many calls in flight a slow step hides behind the others; here it is seen. The floor is what cannot be spared: the
empty call of the same process, then one small row, durably, in the same engine.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from time import monotonic

from bench.answer import Answer, Row
from bench.effort import Effort
from bench.figures import Figure, quantile
from bench.floor import commits
from bench.load.bodies import RAISE, FreshServices, alerts, new_alerts
from bench.load.loops import one_by_one
from bench.rounds import Sample, Side, between, raw
from bench.servers.databases import SHARE_OF, Engine, Store, fresh_store
from bench.servers.empty_call import EMPTY as EMPTY_CALL
from bench.servers.rooms import running_pager
from bench.sides import in_ms
from bench.stored import stored

GOAL = "P1"
EMPTY, FLOOR, NEW, REPEATS = "empty call", "floor", "all new", "repeats"
_WORDS = {
    EMPTY: "empty call, one at a time",
    FLOOR: "floor: an empty call and a commit",
    NEW: "RaiseAlert, all new, one at a time",
    REPEATS: "RaiseAlert, repeats of one incident, one at a time",
}
Step = Callable[[bytes], Awaitable[object]]


async def ask(effort: Effort) -> Answer:
    """Both engines, one after the other; nothing is escalated meanwhile."""
    answer = Answer()
    for engine in Engine:
        async with fresh_store(engine) as store:
            fresh = FreshServices()
            rounds = await _measured(store, fresh, effort)
            found = await stored(store)
        repeats = (len(rounds) + 1) * _count(effort)
        answer.checks += found.checks(engine, incidents=fresh.taken, alerts=fresh.taken - 1 + repeats)
        answer.add(_rows(engine, rounds), **{engine: raw(rounds)})
    return answer


def _count(effort: Effort) -> int:
    return effort.pick(full=300, quick=100)


async def _measured(store: Store, fresh: FreshServices, effort: Effort) -> list[dict[str, Sample]]:
    """The first service is the one that repeats are about."""
    [known], count = fresh.take(1), _count(effort)
    async with AsyncExitStack() as stack:
        pager = stack.enter_context(running_pager(store))
        empty = await stack.enter_async_context(one_by_one(pager.target, EMPTY_CALL))
        raised = await stack.enter_async_context(one_by_one(pager.target, RAISE))
        commit = await stack.enter_async_context(commits(store))

        async def floor(body: bytes) -> None:
            await empty(body)
            await commit()

        unstored = FreshServices("empty")
        sides: dict[str, Side] = {
            EMPTY: _one_by_one(empty, lambda: new_alerts(count, unstored)),
            FLOOR: _one_by_one(floor, lambda: new_alerts(count, unstored)),
            NEW: _one_by_one(raised, lambda: new_alerts(count, fresh)),
            REPEATS: _one_by_one(raised, lambda: alerts([known] * count)),
        }
        for side in sides.values():
            await side()  # warm
        return await effort.rounds(full=7, quick=2, until=SHARE_OF[store.engine]).in_turn(sides)


def _one_by_one(step: Step, bodies: Callable[[], list[bytes]]) -> Side:
    """The figure is the p50 in milliseconds."""

    async def measured() -> Sample:
        seconds = []
        for body in bodies():
            begun = monotonic()
            await step(body)
            seconds.append(monotonic() - begun)
        return Sample(quantile(seconds, 0.5) * 1e3, {"p99": quantile(seconds, 0.99) * 1e3, "ms": in_ms(seconds)})

    return measured


def _rows(engine: Engine, rounds: Sequence[Mapping[str, Sample]]) -> list[Row]:
    rows = [
        Row(GOAL, f"{_WORDS[name]}, {engine}, p50 ÷ floor", between(rounds, name, FLOOR)) for name in (NEW, REPEATS)
    ]
    for name, words in _WORDS.items():
        rows.append(Row(GOAL, f"{words}, {engine}, p50", Figure.of(each[name].figure for each in rounds), "ms"))
        rows.append(Row(GOAL, f"{words}, {engine}, p99", Figure.of(each[name].more["p99"] for each in rounds), "ms"))
    return rows
