"""What does PostgreSQL itself do? pgbench, 32 clients, the rows of one new alert in each transaction; and RaiseAlert.

A peer for comparison: PostgreSQL's own client in C, one transaction for each alert, beside group commit in Python.
"""

import asyncio
import re
from pathlib import Path

import asyncpg

from bench.answer import Answer, Row
from bench.effort import Effort
from bench.figures import Figure
from bench.load.bodies import RAISE, FreshServices, new_alerts
from bench.processes import ran
from bench.rounds import Interleaving, Sample, Side, between, raw
from bench.servers.databases import Engine, PostgresServer, Store, connected, dsn_of, fresh_store
from bench.servers.pending import PATTERN, write_pattern
from bench.servers.rooms import running_pager
from bench.sides import calls

GOAL = "peer"
CLIENTS = 32
_OURS, _THEIRS = "RaiseAlert", "pgbench"
_TABLES = ("monitored_services", "incidents", "incident_events", "request_answers")
_COLUMNS = """
SELECT attname, atttypid::regtype::text FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
"""
_GIVEN_BY_DATABASE = {"transaction_id", "position"}
_OWN_IDS = {"monitored_service_id", "incident_id", "request_id"}
_TPS = re.compile(r"tps = ([\d.]+)")


async def ask(effort: Effort) -> Answer:
    """In turn on one server, each in a database of its own."""
    fresh = FreshServices()
    async with fresh_store(Engine.POSTGRESQL) as store:
        assert store.server is not None  # noqa: S101 - this engine has one
        script = await _script_of_one_alert(store.server, store.folder)
        with running_pager(store) as pager:
            sides = {
                _OURS: calls([pager], RAISE, lambda: new_alerts(effort.pick(full=6000, quick=2000), fresh)),
                _THEIRS: _pgbench(store.server, script, effort.pick(full=3, quick=1)),
            }
            for side in sides.values():
                await side()
            rounds = await Interleaving(effort.pick(full=5, quick=2)).in_turn(sides)
    what = f"pgbench, {CLIENTS} clients, one alert's rows a transaction"
    rows = [
        Row(GOAL, what, Figure.of(each[_THEIRS].figure for each in rounds), "/s"),
        Row(GOAL, "RaiseAlert, all new, beside it", Figure.of(each[_OURS].figure for each in rounds), "/s"),
        Row(GOAL, f"RaiseAlert, all new ÷ {what}", between(rounds, _OURS, _THEIRS)),
    ]
    return Answer(rows, raw={"rounds": raw(rounds)})


def _pgbench(server: PostgresServer, script: tuple[Path, str], seconds: int) -> Side:
    """Transactions a second, without the time to connect."""
    path, database = script
    command = [str(server.binaries / "pgbench"), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2"]
    command += ["-T", str(seconds), "-f", str(path), "-h", str(server.folder), "-U", "postgres", database]

    async def measured() -> Sample:
        told = _TPS.search(await asyncio.to_thread(ran, *command))
        if told is None:
            raise RuntimeError("pgbench told no rate")
        return Sample(float(told[1]))

    return measured


async def _script_of_one_alert(server: PostgresServer, folder: Path) -> tuple[Path, str]:
    """A file for pgbench that writes what one new alert makes the product write; and the database that it is for."""
    url = await server.create_database("pager")
    await write_pattern(Store(Engine.POSTGRESQL, folder, {"pager": url}, server))
    async with connected(dsn_of(url)) as connection:
        inserts = [await _insert(connection, table) for table in _TABLES]
    path = folder / "one_alert.sql"
    path.write_text("\n".join([r"\set n random(1, 1000000000000000)", "BEGIN;", *inserts, "END;"]) + "\n")
    return path, url.rpartition("/")[2].partition("?")[0]


async def _insert(connection: "asyncpg.Connection[asyncpg.Record]", table: str) -> str:
    columns = {name: kind for name, kind in await connection.fetch(_COLUMNS, table) if name not in _GIVEN_BY_DATABASE}
    literals = ", ".join(f"quote_nullable({name}::text)" for name in columns)
    row = await connection.fetchrow(f"SELECT {literals} FROM {table} WHERE monitored_service_id = $1", PATTERN)
    assert row is not None  # noqa: S101 - the pattern was written
    values = [_value(name, kind, literal) for (name, kind), literal in zip(columns.items(), row, strict=True)]
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(values)});"


def _value(name: str, kind: str, literal: str) -> str:
    """Ids are new each time. A moment would not do as text: pgbench takes ``:50`` in it for a variable."""
    if name in _OWN_IDS:
        return "'alert-' || CAST(:n AS text)"
    return "clock_timestamp()" if kind == "timestamp with time zone" and literal != "NULL" else literal
