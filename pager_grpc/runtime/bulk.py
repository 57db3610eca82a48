"""Set-based writes: many rows, one statement, no ORM.

PostgreSQL takes one array a column (``unnest``), SQLite one ``executemany``. The SQL is made from the table once and
cached; values go in as plain Python and are converted here, because typed inserts cost most of the time.
"""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Integer, Table, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import JSON

from pager_grpc.runtime.columns import UtcDateTime, sqlite_moment

Row = dict[str, Any]


async def insert_rows(connection: AsyncConnection, table: Table, rows: Sequence[Row], *, or_skip: bool = False) -> None:
    """Inserts ``rows``, which all have the same keys; ``or_skip`` leaves existing ones alone."""
    tail = "ON CONFLICT DO NOTHING" if or_skip else ""
    await _write(connection, table, rows, tail)


async def upsert_rows(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Inserts ``rows`` or, where the primary key exists, replaces the columns that they name."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    changes = ", ".join(f"{name} = excluded.{name}" for name in rows[0] if name not in keys)
    await _write(connection, table, rows, f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes}")


async def _write(connection: AsyncConnection, table: Table, rows: Sequence[Row], tail: str) -> None:
    if not rows:
        return
    names = tuple(rows[0])
    if connection.dialect.name == "sqlite":
        statement, converters = _sqlite_insert(table, names, tail)
        binds = [{n: c(row[n]) if c else row[n] for n, c in zip(names, converters, strict=True)} for row in rows]
        await connection.execute(statement, binds)
        return
    statement, converters = _postgres_insert(table, names, tail)
    arrays = {n: [c(row[n]) if c else row[n] for row in rows] for n, c in zip(names, converters, strict=True)}
    await connection.execute(statement, arrays)


Converter = Callable[[Any], Any] | None


@lru_cache(maxsize=128)
def _sqlite_insert(table: Table, names: tuple[str, ...], tail: str) -> tuple[TextClause, list[Converter]]:
    columns, binds = ", ".join(names), ", ".join(f":{name}" for name in names)
    statement = text(f"INSERT INTO {table.name} ({columns}) VALUES ({binds}) {tail}")
    return statement, [_converter(table, name, sqlite=True) for name in names]


@lru_cache(maxsize=128)
def _postgres_insert(table: Table, names: tuple[str, ...], tail: str) -> tuple[TextClause, list[Converter]]:
    columns = ", ".join(names)
    arrays = ", ".join(f"CAST(:{name} AS {_array_type(table, name)}[])" for name in names)
    values = ", ".join(f"CAST({name} AS jsonb)" if _is_json(table, name) else name for name in names)
    statement = text(
        f"INSERT INTO {table.name} ({columns}) SELECT {values} FROM unnest({arrays}) AS r({columns}) {tail}"
    )
    return statement, [_converter(table, name, sqlite=False) for name in names]


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
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value is not None else None


def _array_type(table: Table, name: str) -> str:
    kind = table.c[name].type
    if isinstance(kind, UtcDateTime):
        return "timestamptz"
    if isinstance(kind, Boolean):
        return "boolean"
    if isinstance(kind, BigInteger):
        return "bigint"
    return "integer" if isinstance(kind, Integer) else "text"
