"""How near is what PostgreSQL itself can do? pgbench, 32 clients, one new alert a transaction, beside our two ways in.

A peer for comparison: PostgreSQL's own client in C writes what one RaiseAlert of a new service makes the pager write
(the service, the incident, a line of its timeline, the answer to the request), each alert in a durable transaction of
its own. Once with a statement for each row, as an application would, and once with all four rows in one prepared
statement, which is the least that PostgreSQL can be asked. It reads and decides nothing, and nobody calls it.
"""

import asyncio
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import asyncpg
from sqlalchemy import make_url

from bench.answer import Answer, Check, Row
from bench.effort import Effort
from bench.figures import Figure
from bench.load.bodies import RAISE, FreshServices, new_alerts
from bench.load.streams import messages_of_new_alerts, streamed
from bench.processes import ran
from bench.rounds import Sample, Side, between, raw
from bench.servers.databases import Engine, PostgresServer, Store, connected, dsn_of, fresh_store
from bench.servers.pending import PATTERN, write_pattern
from bench.servers.rooms import Pager, running_pager
from bench.sides import calls

CLIENTS = 32
SIZE, STREAMS = 64, 4
UNARY, STREAM = "RaiseAlert, all new", f"RaiseAlerts, {SIZE} a message"
BY_ROW, AT_ONCE = "four statements", "one statement"
_TABLES = ("monitored_services", "incidents", "incident_events", "request_answers")
_COLUMNS = """
SELECT attname, atttypid::regtype::text FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
"""
_GIVEN_BY_DATABASE = {"transaction_id", "position"}
_OWN_IDS = {"monitored_service_id", "incident_id", "request_id"}
_NUMBER = r"\set n random(1, 1000000000000000)"
_TPS = re.compile(r"tps = ([\d.]+)")
_DONE = re.compile(r"number of transactions actually processed: (\d+)")


async def ask(effort: Effort) -> Answer:
    """In turn on one server, each in a database of its own."""
    fresh = FreshServices()
    async with fresh_store(Engine.POSTGRESQL) as store:
        assert store.server is not None  # noqa: S101 - this engine has one
        peer = await _prepared(store.server, store.folder)
        with running_pager(store) as pager:
            sides = {
                UNARY: calls([pager], RAISE, partial(new_alerts, effort.pick(full=6000, quick=2000), fresh)),
                STREAM: _stream(pager, fresh, effort.pick(full=256, quick=64)),
                BY_ROW: peer.side(BY_ROW, effort.pick(full=3, quick=1)),
                AT_ONCE: peer.side(AT_ONCE, effort.pick(full=3, quick=1)),
            }
            for side in sides.values():
                await side()  # warm
            rounds = await effort.rounds(full=5, quick=2).in_turn(sides)
        async with connected(peer.store.dsn) as connection:
            written = int(await connection.fetchval("SELECT count(*) - 1 FROM incidents"))
    checks = [Check("alerts that pgbench stored", peer.transactions, written)]
    return Answer(_rows(rounds), checks, {"rounds": raw(rounds)})


def _rows(rounds: list[dict[str, Sample]]) -> list[Row]:
    peers = {kind: f"pgbench, {CLIENTS} clients, one alert a transaction, {kind}" for kind in (BY_ROW, AT_ONCE)}
    goals = {UNARY: "P1", STREAM: "P3"}
    rows = [
        Row(goal, f"{ours}, PostgreSQL ÷ {theirs}", between(rounds, ours, kind))
        for ours, goal in goals.items()
        for kind, theirs in peers.items()
    ]
    for name in rounds[0]:
        what = peers.get(name, f"{name}, PostgreSQL, beside pgbench")
        rows.append(Row(goals.get(name, "P1"), what, Figure.of(each[name].figure for each in rounds), "alerts/s"))
    return rows


def _stream(pager: Pager, fresh: FreshServices, messages: int) -> Side:
    async def measured() -> Sample:
        bodies = messages_of_new_alerts(messages, SIZE, fresh)
        return Sample(await streamed(pager.target, bodies, SIZE, STREAMS))

    return measured


@dataclass(slots=True)
class _Pgbench:
    """pgbench on a database with the schema of the pager; ``scripts`` by how they write, ``transactions`` so far."""

    server: PostgresServer
    store: Store
    scripts: dict[str, Path]
    transactions: int = field(default=0)

    def side(self, kind: str, seconds: int) -> Side:
        """Transactions a second, without the time to connect."""
        database = make_url(self.store.url).database or ""
        command = [str(self.server.binaries / "pgbench"), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2"]
        command += ["-T", str(seconds), "-f", str(self.scripts[kind]), "-h", str(self.server.folder)]
        command += ["-U", "postgres", database]

        async def measured() -> Sample:
            told = await asyncio.to_thread(ran, *command)
            rate, done = _TPS.search(told), _DONE.search(told)
            if rate is None or done is None:
                raise RuntimeError(f"pgbench told no rate: {told[-500:]}")
            self.transactions += int(done[1])
            return Sample(float(rate[1]))

        return measured


async def _prepared(server: PostgresServer, folder: Path) -> _Pgbench:
    """A database of its own, and scripts that write what one new alert made the product write."""
    store = Store(Engine.POSTGRESQL, folder, {"pager": await server.create_database("pager")}, server)
    await write_pattern(store)
    async with connected(dsn_of(store.url)) as connection:
        inserts = [await _insert(connection, table) for table in _TABLES]
    texts = {
        BY_ROW: "\n".join([_NUMBER, "BEGIN;", *(f"{insert};" for insert in inserts), "END;", ""]),
        AT_ONCE: "\n".join([_NUMBER, _together(inserts), ""]),
    }
    scripts = {kind: folder / f"{kind.replace(' ', '_')}.sql" for kind in texts}
    for kind, path in scripts.items():
        path.write_text(texts[kind])
    return _Pgbench(server, store, scripts)


def _together(inserts: list[str]) -> str:
    """Foreign keys are looked at when the whole statement has ended."""
    *first, last = inserts
    parts = ", ".join(f"row_{number} AS ({insert})" for number, insert in enumerate(first))
    return f"WITH {parts} {last};"


async def _insert(connection: "asyncpg.Connection[asyncpg.Record]", table: str) -> str:
    columns = {name: kind for name, kind in await connection.fetch(_COLUMNS, table) if name not in _GIVEN_BY_DATABASE}
    literals = ", ".join(f"quote_nullable({name}::text)" for name in columns)
    row = await connection.fetchrow(f"SELECT {literals} FROM {table} WHERE monitored_service_id = $1", PATTERN)
    assert row is not None  # noqa: S101 - the pattern was written
    values = [_value(name, kind, literal) for (name, kind), literal in zip(columns.items(), row, strict=True)]
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(values)})"


def _value(name: str, kind: str, literal: str) -> str:
    """Ids are new each time. A moment would not do as text: pgbench takes ``:50`` in it for a variable."""
    if name in _OWN_IDS:
        return "'alert-' || CAST(:n AS text)"
    return "clock_timestamp()" if kind == "timestamp with time zone" and literal != "NULL" else literal
