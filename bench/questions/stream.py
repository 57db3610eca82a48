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
JUDGED = 64
STREAMS = 4
CONNECTIONS = 32
# Small messages are slow and need fewer alerts to be measured.
_PART = {1: 32, 8: 4, 64: 1, 256: 1}
SIZES = tuple(_PART)
UNARY, POSTED, ONE_STREAM = "unary", "Alertmanager {}", "one stream, {}"
_OF_ONE_STREAM = (8, 64)


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
    alerts = effort.pick(full=8192, quick=2048)
    counts = {size: alerts // part for size, part in _PART.items()}
    async with AsyncExitStack() as stack:
        pager = stack.enter_context(running_pager(store))
        sides: dict[str, Side] = {UNARY: calls([pager], RAISE, partial(new_alerts, alerts // 8, fresh))}
        sides |= {str(size): _stream(pager, fresh, count, size) for size, count in counts.items()}
        sides |= {
            ONE_STREAM.format(size): _stream(pager, fresh, counts[size] // STREAMS, size, streams=1)
            for size in _OF_ONE_STREAM
        }
        if is_installed():
            _, port = await stack.enter_async_context(listening_webhook())
            peer = await stack.enter_async_context(running_alertmanager(store.folder, port))
            sides |= {POSTED.format(size): _posts(peer, count, size) for size, count in counts.items()}
        await sides[UNARY]()
        return await effort.rounds(full=5, quick=2, until=SHARE_OF[store.engine]).in_turn(sides)


def _stream(pager: Pager, fresh: FreshServices, alerts: int, size: int, streams: int = STREAMS) -> Side:
    async def measured() -> Sample:
        messages = messages_of_new_alerts(alerts // size, size, fresh)
        before = pager.cpu_seconds()
        rate = await streamed(pager.target, messages, size, streams)
        return Sample(rate, {"cpu_us": (pager.cpu_seconds() - before) / alerts * 1e6})

    return measured


def _posts(peer: Alertmanager, alerts: int, size: int) -> Side:
    instances = FreshServices("instance")

    async def measured() -> Sample:
        bodies = posts("load", instances.take(alerts), size)
        before = cpu_seconds(peer.child.pid)
        rate = await post_all(peer.port, ALERTS, bodies, CONNECTIONS) * size
        return Sample(rate, {"cpu_us": (cpu_seconds(peer.child.pid) - before) / alerts * 1e6})

    return measured


def _rows(engine: Engine, rounds: list[dict[str, Sample]]) -> list[Row]:
    posted = POSTED.format(JUDGED)
    rows = [_row(engine, UNARY, between(rounds, str(JUDGED), UNARY))]
    if posted in rounds[0]:
        rows.append(_row(engine, posted, between(rounds, str(JUDGED), posted)))
    else:
        rows.append(_row(engine, posted, note="Alertmanager is not installed: make bench-peers"))
    names = {UNARY: "RaiseAlert, unary"} | {str(size): f"RaiseAlerts, {size} alerts a message" for size in SIZES}
    names |= {ONE_STREAM.format(size): f"RaiseAlerts, {size} alerts a message, one stream" for size in _OF_ONE_STREAM}
    names |= {POSTED.format(size): f"Alertmanager, {size} alerts a POST, in memory, beside" for size in SIZES}
    for name, words in ((name, words) for name, words in names.items() if name in rounds[0]):
        figure = Figure.of(each[name].figure for each in rounds)
        rows.append(Row(GOAL, f"{words}, {engine}", figure, "alerts/s"))
    return rows


def _row(engine: Engine, against: str, figure: Figure | None = None, note: str = "") -> Row:
    words = "unary RaiseAlert" if against == UNARY else f"Alertmanager's POSTs of {JUDGED}, in memory"
    limit = at_least(8 if against == UNARY else 0.5)
    return Row(GOAL, f"RaiseAlerts, {JUDGED} a message, {engine} ÷ {words}", figure, limit=limit, note=note)
