"""What does a second replica bring? Two pager processes on one PostgreSQL ÷ one, 128 calls in flight at each.

Beside it the empty call, which needs no database: what a second process can bring at all on the cores that there are.
"""

import asyncio
from contextlib import ExitStack
from time import monotonic

from bench.answer import Answer, Check, Row, at_least
from bench.effort import Effort
from bench.load.bodies import RAISE, FreshServices, new_alerts
from bench.servers.databases import Engine, Store, connected, fresh_store
from bench.servers.empty_call import EMPTY
from bench.servers.rooms import running_pager
from bench.sides import calls
from bench.stored import levels_fired_twice, stored

GOAL = "P8"
_FIRED = "SELECT count(*) FROM incident_events WHERE kind = 'LevelNotified'"
_PATIENCE_SECONDS = 30.0


async def ask(effort: Effort) -> Answer:
    """Both take alerts; then both escalate what was raised, and no level may fire twice."""
    count = effort.pick(full=4000, quick=1500)
    fresh = FreshServices()
    async with fresh_store(Engine.POSTGRESQL) as store:
        with running_pager(store, name="one") as one, running_pager(store, name="two") as two:
            both = calls([one, two], RAISE, lambda: new_alerts(count, fresh))
            alone = calls([one], RAISE, lambda: new_alerts(count, fresh))
            await both()  # warm
            unstored = FreshServices("empty")
            empty = {
                name: calls(pagers, EMPTY, lambda: new_alerts(count, unstored))
                for name, pagers in {"one empty": [one], "two empty": [one, two]}.items()
            }
            rounds = await effort.rounds(full=7, quick=2, until=0.8).bracketed(alone, {"two": both, **empty})
        checks = (await stored(store)).checks("both", incidents=fresh.taken, alerts=fresh.taken)
        fired = await _escalated_by_two(store, effort.pick(full=3000, quick=1000))
        checks.append(Check("levels fired more than once", 0, await levels_fired_twice(store)))
    rows = [
        Row(GOAL, "RaiseAlert, two pager processes ÷ one, PostgreSQL", rounds.ratio("two"), limit=at_least(1.5)),
        Row(GOAL, "RaiseAlert, two pager processes", rounds.figure("two"), "/s"),
        Row(GOAL, "RaiseAlert, one pager process", rounds.base(), "/s"),
        Row(GOAL, "empty call, two pager processes ÷ one", rounds.between("two empty", "one empty")),
        Row(GOAL, "RaiseAlert ÷ empty call, at two pager processes", rounds.between("two", "two empty")),
        Row(GOAL, "empty call, two pager processes", rounds.figure("two empty"), "/s"),
    ]
    return Answer(rows, checks, {"rounds": rounds.raw(), "levels_fired_by_two": fired})


async def _escalated_by_two(store: Store, wanted: int) -> int:
    """Lets two replicas fire what is due, until they have fired ``wanted`` levels; how many it were."""
    with ExitStack() as stack:
        for name in ("first", "second"):
            stack.enter_context(running_pager(store, name=name, paging=True))
        end, fired = monotonic() + _PATIENCE_SECONDS, 0
        async with connected(store.dsn) as connection:
            while fired < wanted and monotonic() < end:
                await asyncio.sleep(0.2)
                fired = int(await connection.fetchval(_FIRED))
    return fired
