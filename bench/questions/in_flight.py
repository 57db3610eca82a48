"""What does it bring to share a commit? Durable alerts a second with 1 to 256 calls in flight, all new.

Calls in flight together share a transaction: their number is the size of the batch.
"""

from bench.answer import Answer, Row
from bench.effort import Effort
from bench.figures import Figure
from bench.load.bodies import RAISE, FreshServices, new_alerts
from bench.rounds import Sample, Side, raw
from bench.servers.databases import SHARE_OF, Engine, fresh_store
from bench.servers.rooms import Pager, running_pager
from bench.sides import calls, empty_calls
from bench.stored import stored

GOAL = "P1"
IN_FLIGHT = (1, 4, 16, 64, 256)
EMPTY = "empty"


async def ask(effort: Effort) -> Answer:
    """Both engines, and the empty call beside."""
    answer = Answer()
    for engine in Engine:
        async with fresh_store(engine) as store:
            fresh = FreshServices()
            with running_pager(store) as pager:
                sides = _sides(pager, fresh, effort)
                await sides[f"{IN_FLIGHT[-1]}"]()  # warm
                rounds = await effort.rounds(full=3, quick=1, until=SHARE_OF[engine]).in_turn(sides)
            found = await stored(store)
        answer.checks += found.checks(engine, incidents=fresh.taken, alerts=fresh.taken)
        answer.add(_rows(engine, rounds), **{engine: raw(rounds)})
    return answer


def _sides(pager: Pager, fresh: FreshServices, effort: Effort) -> dict[str, Side]:
    sides: dict[str, Side] = {}
    for number in IN_FLIGHT:
        count = effort.pick(full=200, quick=100) + number * effort.pick(full=6, quick=4)
        sides[str(number)] = _new(pager, fresh, count, number)
        sides[f"{EMPTY} {number}"] = empty_calls(pager, count, in_flight=number)
    return sides


def _new(pager: Pager, fresh: FreshServices, count: int, in_flight: int) -> Side:
    return calls([pager], RAISE, lambda: new_alerts(count, fresh), in_flight=in_flight)


def _rows(engine: Engine, rounds: list[dict[str, Sample]]) -> list[Row]:
    rows = []
    for number in IN_FLIGHT:
        rate = Figure.of(each[str(number)].figure for each in rounds)
        p50 = Figure.of(each[str(number)].more["latency_ms"]["p50"] for each in rounds)
        rows.append(Row(GOAL, f"RaiseAlert, all new, {engine}, {number} in flight", rate, "/s"))
        rows.append(Row(GOAL, f"RaiseAlert, all new, {engine}, {number} in flight, p50", p50, "ms"))
    return rows
