"""The costs that the model stands on, measured: `python -m bench.scale --measure` writes ``costs.json`` beside this.

One stream sends one message after the other, so that a message is a batch; what a batch of n costs is then seen for
several n, in processor time of the pager, processor time of the database, seconds, and bytes of WAL.
"""

import asyncio
import random
import statistics
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import monotonic

from bench.load.bodies import OPEN_SERVICES, RAISE, FreshServices, alert_for, new_alerts
from bench.load.loops import closed_loop
from bench.load.streams import messages_of_new_alerts, streamed
from bench.servers.databases import Engine, Store, connected, fresh_store
from bench.servers.rooms import Pager, running_pager
from bench.sides import IN_FLIGHT, empty_calls
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

_SIZES = {1: 400, 8: 200, 64: 80, 256: 40}
"""Alerts a message, and messages a round."""
_HOT = "hot-service"
_WRITERS = 16
_TRANSACTIONS = "SELECT count(DISTINCT transaction_id) FROM incident_events"

Messages = Callable[[], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Used:
    """So far: seconds of processors, and bytes of WAL (0 on SQLite)."""

    pager: float
    database: float
    wal: int


class Bench:
    """One or two pagers on one database, looked at from outside."""

    def __init__(self, store: Store, pagers: Sequence[Pager]) -> None:
        self._store = store
        self.pagers = pagers

    async def used(self) -> Used:
        """Until now."""
        pager = sum(_processor_seconds(each.child.pid) for each in self.pagers)
        database = sum(_processor_seconds(pid) for pid in self._store.server_pids())
        return Used(pager, database, int(await self._asked("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")))

    async def transactions(self) -> int:
        """How many have written a timeline so far; 0 on SQLite."""
        return int(await self._asked(_TRANSACTIONS))

    async def _asked(self, question: str) -> float:
        if self._store.engine is Engine.SQLITE:
            return 0
        async with connected(self._store.dsn) as connection:
            return float(await connection.fetchval(question))


@asynccontextmanager
async def running(engine: Engine, pagers: int) -> AsyncIterator[Bench]:
    """Pagers that take alerts and do not page, warm, with the services open that repeats are about."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(fresh_store(engine))
        started = [stack.enter_context(running_pager(store, name=f"pager-{n}")) for n in range(pagers)]
        await streamed(started[0].target, [_message([*OPEN_SERVICES, _HOT])], len(OPEN_SERVICES) + 1, 1)
        for pager in started:
            await closed_loop([pager.target], RAISE, new_alerts(600, FreshServices("warm")), IN_FLIGHT)
        yield Bench(store, started)


async def costs_of_batches(engine: Engine, rounds: int) -> dict[str, list[dict[str, float]]]:
    """For each kind of load one entry a size: the medians of what one message cost."""
    fresh, found = FreshServices(), dict[str, list[dict[str, float]]]()
    async with running(engine, 1) as bench:
        kinds: dict[str, Callable[[int, int], Sequence[bytes]]] = {
            "new": lambda messages, size: messages_of_new_alerts(messages, size, fresh),
            "repeats": partial(_repeats, services=OPEN_SERVICES, ids=True),
            "repeats without request ids": partial(_repeats, services=OPEN_SERVICES, ids=False),
            "one hot service": partial(_repeats, services=(_HOT,), ids=False),
        }
        samples = [(kind, size) for kind in kinds for size in _SIZES] * rounds
        random.shuffle(samples)
        seen: dict[tuple[str, int], list[dict[str, float]]] = {}
        for kind, size in samples:
            bodies = kinds[kind](_SIZES[size], size)
            seen.setdefault((kind, size), []).append(await _of_one_message(bench, bodies, size))
    for (kind, size), each in sorted(seen.items()):
        medians = {name: round(statistics.median(one[name] for one in each), 2) for name in each[0]}
        found.setdefault(kind, []).append({"alerts": size} | medians)
    return found


async def unary(engine: Engine, calls: int, rounds: int) -> dict[str, float]:
    """128 calls in flight, new alerts and empty calls in turn: what both cost, and the ratio of their rates."""
    fresh = FreshServices()
    seen: list[dict[str, float]] = []
    async with running(engine, 1) as bench:
        [pager] = bench.pagers
        for _ in range(rounds):
            found = await _of_calls(bench, pager, new_alerts(calls, fresh))
            empty = await empty_calls(pager, calls)()
            of_empty = {"empty_us": empty.more["cpu_us"], "ratio": found["rate"] / empty.figure}
            seen.append(found | of_empty)
    return {name: round(statistics.median(each[name] for each in seen), 3) for name in seen[0]}


async def four_streams(engine: Engine, rounds: int) -> float:
    """Alerts a second over four streams with 64 new alerts a message: what the model must predict too."""
    fresh = FreshServices()
    async with running(engine, 1) as bench:
        [pager] = bench.pagers
        return statistics.median(
            [await streamed(pager.target, messages_of_new_alerts(80, 64, fresh), 64, 4) for _ in range(rounds)]
        )


async def commits(seconds: float = 2.0) -> dict[str, float]:
    """Small transactions a second over 16 connections, in which each inserts a row, or inserts and NOTIFYs."""
    async with fresh_store(Engine.POSTGRESQL) as store:
        async with connected(store.dsn) as connection:
            await connection.execute("CREATE TABLE small (number bigint)")
        plain = "INSERT INTO small VALUES (1)"
        return {
            "insert": await _committed(store, plain, seconds),
            "insert_and_notify": await _committed(store, f"{plain}; NOTIFY small", seconds),
        }


async def _committed(store: Store, statements: str, seconds: float) -> float:
    end = monotonic() + seconds

    async def one() -> int:
        done = 0
        async with connected(store.dsn) as connection:
            while monotonic() < end:
                await connection.execute(statements)
                done += 1
        return done

    return round(sum(await asyncio.gather(*(one() for _ in range(_WRITERS)))) / seconds)


async def hot_service(calls: int, rounds: int) -> float:
    """Repeats of one service a second through two pagers ÷ through one: the lock of its row is one."""
    ratios: list[float] = []
    async with running(Engine.POSTGRESQL, 2) as bench:
        targets = [pager.target for pager in bench.pagers]
        for _ in range(rounds):
            one = await closed_loop(targets[:1], RAISE, _unary_repeats(calls), IN_FLIGHT)
            two = await closed_loop(targets, RAISE, _unary_repeats(calls), IN_FLIGHT)
            ratios.append(two.rate / one.rate)
    return round(statistics.median(ratios), 3)


async def _of_one_message(bench: Bench, bodies: Sequence[bytes], size: int) -> dict[str, float]:
    before = await bench.used()
    rate = await streamed(bench.pagers[0].target, bodies, size, 1)
    after = await bench.used()
    return {
        "pager_us": (after.pager - before.pager) / len(bodies) * 1e6,
        "database_us": (after.database - before.database) / len(bodies) * 1e6,
        "wal_bytes": (after.wal - before.wal) / len(bodies),
        "took_us": size / rate * 1e6,
    }


async def _of_calls(bench: Bench, pager: Pager, bodies: Sequence[bytes]) -> dict[str, float]:
    before, transactions = await bench.used(), await bench.transactions()
    load = await closed_loop([pager.target], RAISE, bodies, IN_FLIGHT)
    after = await bench.used()
    batches = await bench.transactions() - transactions
    return {
        "rate": load.rate,
        "batch": len(bodies) / batches if batches else 0,
        "pager_us": (after.pager - before.pager) / len(bodies) * 1e6,
        "database_us": (after.database - before.database) / len(bodies) * 1e6,
        "p50_ms": statistics.median(load.latencies) * 1e3,
    }


def _repeats(messages: int, size: int, *, services: Sequence[str], ids: bool) -> list[bytes]:
    request_id = None if ids else ""
    return [_message([services[number % len(services)] for number in range(size)], request_id) for _ in range(messages)]


def _unary_repeats(calls: int) -> list[bytes]:
    return [alert_for(_HOT, request_id="").SerializeToString()] * calls


def _message(services: Sequence[str], request_id: str | None = None) -> bytes:
    return pb.RaiseAlertsRequest(
        alerts=[alert_for(service, request_id=request_id) for service in services]
    ).SerializeToString()


def _processor_seconds(pid: int) -> float:
    """To the nanosecond, of all threads."""
    try:
        return sum(int(stat.read_text().split()[0]) for stat in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    except (FileNotFoundError, ProcessLookupError):
        return 0.0


async def measured(*, rounds: int = 3) -> Mapping[str, object]:
    """Everything, on both engines, in about seven minutes; what is divided is measured in turn."""
    found: dict[str, object] = {}
    for engine in Engine:
        found[engine] = {
            "batches": await costs_of_batches(engine, rounds),
            "unary": await unary(engine, 1500, rounds),
            "four_streams": round(await four_streams(engine, rounds)),
        }
    found["hot service"] = await hot_service(3000, rounds)
    found["commits"] = await commits()
    return found
