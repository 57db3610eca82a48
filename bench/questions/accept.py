"""What does it cost to make an alert durable? RaiseAlert ÷ the empty call of the same process.

New services and 95 % repeats, each between two measurements of the empty call. Escalation and delivery rest: what they
cost beside is asked by page_out and storm. What no durable call can be spared is measured beside: a call that does
nothing but wait for a commit of one small row, shared by all who wait at the same time.
"""

from bench.answer import Answer, Limit, Row, at_least
from bench.effort import Effort
from bench.load.bodies import OPEN_SERVICES, RAISE, FreshServices, alerts, mostly_repeats, new_alerts
from bench.load.loops import closed_loop
from bench.rounds import Rounds
from bench.servers.databases import SHARE_OF, Engine, Store, fresh_store
from bench.servers.rooms import Pager, running_pager
from bench.sides import IN_FLIGHT, calls, empty_calls, shared_commit_calls
from bench.stored import stored

NEW, REPEATS, SHARED = "new", "repeats", "shared commit"
_GOALS: dict[tuple[str, Engine], tuple[str, Limit]] = {
    (NEW, Engine.SQLITE): ("P1", at_least(0.80)),
    (NEW, Engine.POSTGRESQL): ("P1", at_least(0.65)),
    (REPEATS, Engine.SQLITE): ("P2", at_least(0.90)),
    (REPEATS, Engine.POSTGRESQL): ("P2", at_least(0.75)),
}
_WORDS = {NEW: "all new", REPEATS: "95 % repeats"}


async def ask(effort: Effort) -> Answer:
    """Both engines, one after the other."""
    answer = Answer()
    for engine in Engine:
        async with fresh_store(engine) as store:
            fresh = FreshServices()
            with running_pager(store, shares_commits=True) as pager:
                rounds, alerts_sent = await _measured(store, pager, fresh, effort)
            found = await stored(store)
        incidents = fresh.taken + len(OPEN_SERVICES)
        answer.checks += found.checks(engine, incidents=incidents, alerts=alerts_sent)
        answer.add(_rows(engine, rounds), **{engine: rounds.raw()})
    return answer


async def _measured(store: Store, pager: Pager, fresh: FreshServices, effort: Effort) -> tuple[Rounds, int]:
    """The rounds, and how many alerts they sent."""
    count = effort.pick(full=3000, quick=1000)
    warm = [*alerts(OPEN_SERVICES), *new_alerts(count // 2, fresh)]
    await closed_loop([pager.target], RAISE, warm, IN_FLIGHT)
    database = store.server_pids()
    sides = {
        NEW: calls([pager], RAISE, lambda: new_alerts(count, fresh), others=database),
        REPEATS: calls([pager], RAISE, lambda: mostly_repeats(count, fresh), others=database),
        SHARED: shared_commit_calls(pager, count),
    }
    interleaving = effort.rounds(full=7, quick=2, until=SHARE_OF[store.engine])
    rounds = await interleaving.bracketed(empty_calls(pager, count), sides)
    return rounds, len(warm) + len(rounds.rounds) * 2 * count


def _rows(engine: Engine, rounds: Rounds) -> list[Row]:
    rows = [
        Row(goal, f"durable RaiseAlert, {_WORDS[name]}, {engine} ÷ empty call", rounds.ratio(name), limit=limit)
        for (name, of), (goal, limit) in _GOALS.items()
        if of is engine
    ]
    for name, words in _WORDS.items():
        rows.append(Row(_goal(name, engine), f"RaiseAlert, {words}, {engine}", rounds.figure(name), "/s"))
        cpu = rounds.seen(name, "cpu_us")
        rows.append(Row(_goal(name, engine), f"processor time of RaiseAlert, {words}, {engine}", cpu, "µs a call"))
    shared = "empty call after a shared commit of one row"
    rows.append(Row("P1", f"{shared}, {engine} ÷ empty call", rounds.ratio(SHARED)))
    for name, words in _WORDS.items():
        rows.append(Row(_goal(name, engine), f"RaiseAlert, {words}, {engine} ÷ {shared}", rounds.between(name, SHARED)))
    rows.append(Row("P1", f"empty call of the process on {engine}", rounds.base(), "/s"))
    cpu = rounds.seen_of_base("cpu_us")
    rows.append(Row("P1", f"processor time of the empty call of the process on {engine}", cpu, "µs a call"))
    return rows


def _goal(name: str, engine: Engine) -> str:
    return _GOALS[name, engine][0]
