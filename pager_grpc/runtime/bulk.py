"""Set-based writes: many rows, one statement, no ORM.

PostgreSQL takes one array a column (``unnest``), SQLite one ``executemany``. The SQL is made from the table once and
cached; values go in as plain Python and are converted here, because typed inserts cost most of the time.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from pydantic_core import to_json
from sqlalchemy import BigInteger, Boolean, Integer, Table, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import JSON

from pager_grpc.runtime.columns import UtcDateTime, sqlite_moment
from pager_grpc.runtime.selecting import is_sqlite, sqlite_driver

Row = dict[str, Any]


async def insert_rows(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[Row],
    *,
    or_skip: bool = False,
    computed: tuple[tuple[str, str], ...] = (),
) -> None:
    """Inserts ``rows``, which all have the same keys; ``or_skip`` leaves existing ones alone.

    ``computed`` are further columns, each with the SQL expression of its value.
    """
    await _write(connection, table, rows, "ON CONFLICT DO NOTHING" if or_skip else "", computed)


async def update_rows(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Updates the rows with these primary keys: sets every other column that ``rows`` name."""
    if not rows:
        return
    names = tuple(rows[0])
    statement, converters = _update(table, names, sqlite=is_sqlite(connection))
    await _execute(connection, statement, names, converters, rows)


async def upsert_rows(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Inserts ``rows`` or, where the primary key exists, replaces the columns that they name."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    changes = ", ".join(f"{name} = excluded.{name}" for name in rows[0] if name not in keys)
    await _write(connection, table, rows, f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}")


async def _write(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[Row],
    tail: str,
    computed: tuple[tuple[str, str], ...] = (),
) -> None:
    if not rows:
        return
    names = tuple(rows[0])
    statement, converters = _insert(table, names, tail, computed, sqlite=is_sqlite(connection))
    await _execute(connection, statement, names, converters, rows)


Converter = Callable[[Any], Any] | None


async def _execute(
    connection: AsyncConnection,
    statement: str,
    names: tuple[str, ...],
    converters: list[Converter],
    rows: Sequence[Row],
) -> None:
    pairs = list(zip(names, converters, strict=True))
    if is_sqlite(connection):
        # Straight to the driver: no bind is compiled again for every row.
        values = [tuple([c(row[n]) if c else row[n] for n, c in pairs]) for row in rows]
        sqlite_driver(connection).executemany(statement, values)
    else:
        await connection.execute(text(statement), {n: [c(row[n]) if c else row[n] for row in rows] for n, c in pairs})


@lru_cache(maxsize=128)
def _insert(
    table: Table, names: tuple[str, ...], tail: str, computed: tuple[tuple[str, str], ...], *, sqlite: bool
) -> tuple[str, list[Converter]]:
    columns = ", ".join([*names, *(name for name, _ in computed)])
    if sqlite:
        values = ", ".join([*(f"?{n}" for n, _ in enumerate(names, 1)), *(expression for _, expression in computed)])
        source = f"VALUES ({values})"
    else:
        values = ", ".join([*(_from_array(table, name) for name in names), *(expression for _, expression in computed)])
        source = f"SELECT {values} FROM {_arrays(table, names)}"
    statement = f"INSERT INTO {table.name} ({columns}) {source} {tail}"
    return statement, [_converter(table, name, sqlite=sqlite) for name in names]


@lru_cache(maxsize=128)
def _update(table: Table, names: tuple[str, ...], *, sqlite: bool) -> tuple[str, list[Converter]]:
    keys = [column.name for column in table.primary_key]
    if sqlite:
        place = {name: f"?{n}" for n, name in enumerate(names, 1)}
        changes = ", ".join(f"{name} = {place[name]}" for name in names if name not in keys)
        statement = f"UPDATE {table.name} SET {changes} WHERE " + " AND ".join(f"{key} = {place[key]}" for key in keys)
    else:
        changes = ", ".join(f"{name} = {_from_array(table, name)}" for name in names if name not in keys)
        same = " AND ".join(f"{table.name}.{key} = r.{key}" for key in keys)
        statement = f"UPDATE {table.name} SET {changes} FROM {_arrays(table, names)} WHERE {same}"
    return statement, [_converter(table, name, sqlite=sqlite) for name in names]


def _arrays(table: Table, names: tuple[str, ...]) -> str:
    arrays = ", ".join(f"CAST(:{name} AS {_array_type(table, name)}[])" for name in names)
    return f"unnest({arrays}) AS r({', '.join(names)})"


def _from_array(table: Table, name: str) -> str:
    return f"CAST(r.{name} AS jsonb)" if _is_json(table, name) else f"r.{name}"


def _is_json(table: Table, name: str) -> bool:
    return isinstance(table.c[name].type, JSON)


def _converter(table: Table, name: str, *, sqlite: bool) -> Converter:
    kind = table.c[name].type
    if isinstance(kind, JSON):
        return _as_json
    if sqlite and isinstance(kind, UtcDateTime):
        return lambda value: sqlite_moment(value) if value is not None else None
    return None


def _as_json(value: Any) -> str | None:
    return to_json(value).decode() if value is not None else None


def _array_type(table: Table, name: str) -> str:
    kind = table.c[name].type
    if isinstance(kind, UtcDateTime):
        return "timestamptz"
    if isinstance(kind, Boolean):
        return "boolean"
    if isinstance(kind, BigInteger):
        return "bigint"
    return "integer" if isinstance(kind, Integer) else "text"
