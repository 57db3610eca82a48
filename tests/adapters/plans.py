"""What the engines do for each statement that really runs, seen at the driver, so that no statement is copied here.

PostgreSQL tries each under EXPLAIN ANALYZE, takes it back, and says how many rows each scan looked at; it also shows
the plan that it would keep for any values. SQLite shows its plan and counts the steps of its machine.
"""

import sqlite3
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.util import await_

from pager_grpc.runtime.selecting import sqlite_driver

MOST_ROWS = 1_000
"""What one scan may look at; a table of history has tens of thousands."""
MOST_STEPS = 30_000
"""What a batch of 100 takes, ten times; a look at every row of a table of history takes more."""


@dataclass
class Plans:
    """The statements that ran, and those that read a table of ``history`` further than they should, with the reason.

    ``live`` are the partial indexes that hold what is under way alone: reading one from end to end is no fault.
    """

    history: frozenset[str]
    live: frozenset[str]
    statements: Counter = field(default_factory=Counter)
    faults: dict[str, list[str]] = field(default_factory=dict)

    def ran(self, statement, reasons):
        self.statements[statement] += 1
        if reasons:
            self.faults.setdefault(" ".join(statement.split()), []).extend(reasons)

    @property
    def tables(self):
        """The tables of history that were read or written."""
        return {table for table in self.history for statement in self.statements if table in statement}


_FIRST_COLUMNS = """
SELECT indexrelid::regclass::text AS name, indrelid::regclass::text AS table,
    pg_get_indexdef(indexrelid, 1, true) AS first
FROM pg_index
"""


@asynccontextmanager
async def watching_plans(database, history, live):
    """Judges what runs on ``database`` while it is entered."""
    plans = Plans(frozenset(history), frozenset(live))
    watch = _watching_sqlite if database.is_sqlite else _watching_postgres
    async with watch(database, plans):
        yield plans


@asynccontextmanager
async def _watching_postgres(database, plans):
    async with database.begin() as connection:
        firsts = {row.name: (row.table, row.first) for row in await connection.execute(text(_FIRST_COLUMNS))}

    async def judge(driver, statement, binds):
        await driver.execute("SAVEPOINT tried; SET LOCAL plan_cache_mode = force_custom_plan")
        looked = _scans(await _explained(driver, f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", binds))
        await driver.execute("ROLLBACK TO tried; SET LOCAL plan_cache_mode = force_generic_plan")
        await driver.execute(f"PREPARE tried AS {statement}")
        values = f"({', '.join(['NULL'] * len(binds))})" if binds else ""
        kept = _scans(await _explained(driver, f"EXPLAIN (FORMAT JSON) EXECUTE tried{values}", ()))
        await driver.execute("DEALLOCATE tried; ROLLBACK TO tried")
        far = [reason for scan in looked for reason in _far(plans, scan)]
        plans.ran(statement, far + [reason for scan in looked + kept for reason in _whole(plans, scan, firsts)])

    class Watched(asyncpg.Connection):
        """What is asked of the driver straight; what comes by way of SQLAlchemy its own event shows."""

        async def fetch(self, query, *binds, **options):
            # A glance has no transaction; what is tried needs one, and is taken back in it.
            alone = None if self.is_in_transaction() else self.transaction()
            if alone is not None:
                await alone.start()
            await judge(self, query, binds)
            if alone is not None:
                await alone.rollback()
            return await super().fetch(query, *binds, **options)

    def connecting(_dialect, _record, _arguments, options):
        options["connection_class"] = Watched

    def executing(connection, _cursor, statement, parameters, _context, executemany):
        await_(judge(connection.connection.driver_connection, statement, parameters[0] if executemany else parameters))

    engine = database.engine.sync_engine
    listeners = (("do_connect", connecting), ("before_cursor_execute", executing))
    await database.disconnect()  # connections that are open already are not watched
    for name, listener in listeners:
        event.listen(engine, name, listener)
    try:
        yield
    finally:
        for name, listener in listeners:
            event.remove(engine, name, listener)
        await database.disconnect()


async def _explained(driver, statement, binds):
    [found] = await driver.fetchval(statement, *binds)
    return found["Plan"]


def _scans(plan):
    scans = [plan] if plan["Node Type"].endswith("Scan") and ("Relation Name" in plan or "Index Name" in plan) else []
    return scans + [scan for part in plan.get("Plans", ()) for scan in _scans(part)]


def _far(plans, scan):
    removed = scan.get("Rows Removed by Filter", 0) + scan.get("Rows Removed by Index Recheck", 0)
    rows = (scan["Actual Rows"] + removed) * scan["Actual Loops"]
    if rows > MOST_ROWS and scan.get("Relation Name") in plans.history:
        yield f"{scan['Node Type']} of {scan['Relation Name']} looks at {rows} rows"


def _whole(plans, scan, firsts):
    """Whether it reads a table, or an index whose first column it does not know. A walk that stops at its LIMIT has no
    condition at all; how far it goes :func:`_far` tells.
    """
    if scan["Node Type"] == "Seq Scan" and scan["Relation Name"] in plans.history:
        yield f"scans all of {scan['Relation Name']}"
    table, first = firsts.get(scan.get("Index Name"), ("", ""))
    condition = scan.get("Index Cond", "")
    asked = scan["Node Type"] == "Bitmap Index Scan" or condition
    if (
        asked
        and table in plans.history
        and scan["Index Name"] not in plans.live
        and first not in condition.replace('"', "")
    ):
        yield f"scans all of {scan['Index Name']}, knowing only {condition}"


@asynccontextmanager
async def _watching_sqlite(database, plans):
    async with database.begin() as connection:
        driver = sqlite_driver(connection)
    plain = driver._connection
    driver._connection = _Watched(plain, plans)
    try:
        yield
    finally:
        driver._connection._ended()
        driver._connection = plain


class _Watched:
    """A connection of the driver that shows plans and counts steps; everything else goes through."""

    def __init__(self, plain, plans):
        self._plain, self._plans = plain, plans
        self._statement, self._steps = None, 0
        plain.set_progress_handler(self._step, 100)

    def __getattr__(self, name):
        return getattr(self._plain, name)

    def cursor(self):
        cursor = self._plain.cursor(_WatchedCursor)
        cursor.before = self._before
        return cursor

    def execute(self, statement, binds):
        self._before(statement, binds)
        return self._plain.execute(statement, binds)

    def _before(self, statement, binds):
        self._ended()
        lines = [row[3] for row in self._plain.execute(f"EXPLAIN QUERY PLAN {statement}", binds)]
        self._statement, self._steps = statement, 0
        # A walk along an index may stop at its LIMIT: the steps tell.
        self._plans.ran(statement, [line for line in lines if line in {f"SCAN {name}" for name in self._plans.history}])

    def _step(self):
        self._steps += 100
        return 0

    def _ended(self):
        if self._statement and self._steps > MOST_STEPS:
            self._plans.ran(self._statement, [f"takes {self._steps} steps"])
        self._statement = None


class _WatchedCursor(sqlite3.Cursor):
    before = None

    def execute(self, statement, binds=()):
        if self.before is not None:
            self.before(statement, binds)
        return super().execute(statement, binds)
