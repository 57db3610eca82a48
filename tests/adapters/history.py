"""Years of history: rows that the product wrote once, copied inside the database by the thousand."""

import sqlite3
from contextlib import closing, contextmanager

import asyncpg
from databases import a_postgres_database
from sqlalchemy import make_url

from pager_grpc.runtime.columns import UtcDateTime


def copies(table, sqlite, number, where, changes):
    """The statement that copies each row of ``table`` ``number`` times, the n-th n minutes further back in time.

    ``changes`` are the SQL of columns that differ otherwise, by name; None leaves a column to its default.
    """
    shifted = {column.name: _earlier(column.name, sqlite) for column in table.c if isinstance(column.type, UtcDateTime)}
    values = {column.name: column.name for column in table.c} | shifted | changes
    values = {name: value for name, value in values.items() if name in table.c and value is not None}
    series = _SQLITE_SERIES if sqlite else "generate_series(1, {}) AS series(n)"
    return (
        f"INSERT INTO {table.name} ({', '.join(values)}) SELECT {', '.join(values.values())}"
        f" FROM {table.name}, {series.format(number)} WHERE {where} ON CONFLICT DO NOTHING"
    )


_SQLITE_SERIES = "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {}) SELECT n FROM s)"


def _earlier(column, sqlite):
    if sqlite:
        return f"strftime('%Y-%m-%d %H:%M:%f', {column}, '-' || n || ' minutes') || '000'"
    return f"{column} - n * interval '1 minute'"


async def run_beside(url, *statements):
    """Runs plain SQL past the bounds on time that the product's own sessions have; then the planner looks at it all.

    On SQLite no process may have the file.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(parsed.database)) as connection, connection:
            for statement in [*statements, "ANALYZE"]:
                connection.execute(statement)
        return
    connection = await asyncpg.connect(parsed.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        for statement in [*statements, "VACUUM ANALYZE"]:
            await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def a_database_for_many_tests(request, engine, folder):
    """The URL of an empty database on ``engine``, for a history that takes seconds to write."""
    if engine == "sqlite":
        yield f"sqlite+aiosqlite:///{folder / 'test.db'}"
        return
    with a_postgres_database(request.getfixturevalue("postgres_admin_url")) as url:
        yield url
