"""How many alerts a second does one stream take? `RaiseAlerts` ÷ unary RaiseAlert, and ÷ Alertmanager's POSTs of 64.

Alertmanager keeps alerts in memory; ours are durable when they are answered.
"""

from contextlib import AsyncExitStack
from functools import partial

from bench.answer import Answer, Row, at_least
from bench.effort import Effort
from bench.figures import Figure
from bench.load.bodies import RAISE, FreshServices, new_alerts
from bench.load.http1 import post_all
from bench.load.streams import messages_of_new_alerts, streamed
from bench.processes import cpu_seconds
from bench.rounds import Sample, Side, between, raw
from bench.servers.alertmanager import (
    ALERTS,
    Alertmanager,
    is_installed,
    listening_webhook,
    posts,
    running_alertmanager,
)
from bench.servers.databases import SHARE_OF, Engine, Store, fresh_store
from bench.servers.rooms import Pager, running_pager
from bench.sides import calls
from bench.stored import stored

GOAL = "P3"
SIZES = (1, 8, 64, 256)
JUDGED = 64
STREAMS = 4
CONNECTIONS = 32
UNARY, POSTED = "unary", f"Alertmanager {JUDGED}"


async def ask(effort: Effort) -> Answer:
    """Both engines; the peer only where it is installed."""
    answer = Answer()
    for engine in Engine:
        async with fresh_store(engine) as store:
            fresh = FreshServices()
            rounds = await _measured(store, fresh, effort)
            found = await stored(store)
        answer.checks += found.checks(engine, incidents=fresh.taken, alerts=fresh.taken)
        answer.add(_rows(engine, rounds), **{engine: raw(rounds)})
    return answer


async def _measured(store: Store, fresh: FreshServices, effort: Effort) -> list[dict[str, Sample]]:
    alerts = effort.pick(full=16_384, quick=4096)
    async with AsyncExitStack() as stack:
        pager = stack.enter_context(running_pager(store))
        sides: dict[str, Side] = {UNARY: calls([pager], RAISE, partial(new_alerts, alerts // 8, fresh))}
        sides |= {str(size): _stream(pager, fresh, alerts if size > 1 else alerts // 8, size) for size in SIZES}
        if is_installed():
            _, port = await stack.enter_async_context(listening_webhook())
            peer = await stack.enter_async_context(running_alertmanager(store.folder, port))
            sides[POSTED] = _posts(peer, alerts)
        await sides[UNARY]()
        return await effort.rounds(full=5, quick=2, until=SHARE_OF[store.engine]).in_turn(sides)


def _stream(pager: Pager, fresh: FreshServices, alerts: int, size: int) -> Side:
    async def measured() -> Sample:
        messages = messages_of_new_alerts(alerts // size, size, fresh)
        before = pager.cpu_seconds()
        rate = await streamed(pager.target, messages, size, STREAMS)
        return Sample(rate, {"cpu_us": (pager.cpu_seconds() - before) / alerts * 1e6})

    return measured


def _posts(peer: Alertmanager, alerts: int) -> Side:
    instances = FreshServices("instance")

    async def measured() -> Sample:
        bodies = posts("load", instances.take(alerts), JUDGED)
        before = cpu_seconds(peer.child.pid)
        rate = await post_all(peer.port, ALERTS, bodies, CONNECTIONS) * JUDGED
        return Sample(rate, {"cpu_us": (cpu_seconds(peer.child.pid) - before) / alerts * 1e6})

    return measured


def _rows(engine: Engine, rounds: list[dict[str, Sample]]) -> list[Row]:
    rows = [_row(engine, UNARY, between(rounds, str(JUDGED), UNARY))]
    if POSTED in rounds[0]:
        rows.append(_row(engine, POSTED, between(rounds, str(JUDGED), POSTED)))
    else:
        rows.append(_row(engine, POSTED, note="Alertmanager is not installed: make bench-peers"))
    names = {UNARY: "RaiseAlert, unary"} | {str(size): f"RaiseAlerts, {size} alerts a message" for size in SIZES}
    if POSTED in rounds[0]:
        names[POSTED] = f"Alertmanager, {JUDGED} alerts a POST, in memory"
    for name, words in names.items():
        figure = Figure.of(each[name].figure for each in rounds)
        rows.append(Row(GOAL, f"{words}, {engine}", figure, "alerts/s"))
    return rows


def _row(engine: Engine, against: str, figure: Figure | None = None, note: str = "") -> Row:
    words = {UNARY: "unary RaiseAlert", POSTED: f"Alertmanager's POSTs of {JUDGED}, in memory"}[against]
    limit = at_least(8 if against == UNARY else 0.5)
    return Row(GOAL, f"RaiseAlerts, {JUDGED} a message, {engine} ÷ {words}", figure, limit=limit, note=note)
