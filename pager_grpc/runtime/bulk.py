"""Set-based writes: many rows, one statement, no ORM.

PostgreSQL takes one array a column (``unnest``), SQLite one list of VALUES. The SQL is made from the table once and
cached; values go in as plain Python and are converted here, because typed inserts cost most of the time.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any

from pydantic_core import to_json
from sqlalchemy import BigInteger, Boolean, Integer, Table
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import JSON

from pager_grpc.runtime import postgres_driver
from pager_grpc.runtime.columns import UtcDateTime, sqlite_moment
from pager_grpc.runtime.selecting import is_sqlite, sqlite_driver
from pager_grpc.runtime.sqlite_connection import Statement

Row = dict[str, Any]
Computed = tuple[tuple[str, str], ...]
Converter = Callable[[Sequence[Any]], Sequence[Any]] | None
"""Makes of the values of one column what the driver takes; None: it takes them as they are."""
_BIND = ":bind_"
"""How a statement for PostgreSQL begins the name of a bind, before it is known which part of a whole it is."""
_ROWS = "<rows>"
"""Where a statement for SQLite has its VALUES, before it is known how many there are."""
_MOST_ROWS = 256
"""In one statement; of SQLite's 32,766 binds each row may have 127."""


class Writes:
    """Writes that go to PostgreSQL in one statement, all under one snapshot, when :meth:`run` is called.

    There each is a WITH of its own and their order is open: what must come before something else needs a run of its
    own. SQLite takes them one after the other.
    """

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._sqlite = is_sqlite(connection)
        self._statements: list[Statement] = []
        self._parts: list[str] = []
        self._binds: Row = {}

    def insert(self, table: Table, rows: Sequence[Row], *, or_skip: bool = False, computed: Computed = ()) -> None:
        """Inserts ``rows``, which all have the same keys; ``or_skip`` leaves existing ones alone.

        ``computed`` are further columns, each with the SQL expression of its value.
        """
        tail = "ON CONFLICT DO NOTHING" if or_skip else ""
        if rows:
            self._add(*_insert(table, tuple(rows[0]), tail, computed, sqlite=self._sqlite), rows)

    def update(self, table: Table, rows: Sequence[Row]) -> None:
        """Updates the rows with these primary keys: sets every other column that ``rows`` name."""
        if rows:
            self._add(*_update(table, tuple(rows[0]), sqlite=self._sqlite), rows)

    def upsert(self, table: Table, rows: Sequence[Row], *, only_if: str = "true") -> None:
        """Inserts ``rows`` or, where the primary key exists, replaces the columns that they name.

        ``only_if`` is the SQL of when a row that is there is replaced by that which is ``excluded``.
        """
        if rows:
            keys = [column.name for column in table.primary_key]
            changes = ", ".join(f"{name} = excluded.{name}" for name in rows[0] if name not in keys)
            tail = f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {changes} WHERE {only_if}"
            self._add(*_insert(table, tuple(rows[0]), tail, (), sqlite=self._sqlite), rows)

    async def run(self) -> None:
        """Writes what was added since the last run."""
        if self._sqlite:
            statements, self._statements = self._statements, []
            sqlite_driver(self._connection).write(statements)
            return
        parts, binds, self._parts, self._binds = self._parts, self._binds, [], {}
        if len(parts) == 1:
            await postgres_driver.fetch(self._connection, parts[0], binds)
        elif parts:
            named = ", ".join(f"w{n} AS ({part})" for n, part in enumerate(parts))
            await postgres_driver.fetch(self._connection, f"WITH {named} SELECT 1", binds)

    async def fetch(self, statement: str, binds: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of ``statement``, which goes with what was added since the last run: together they are one write."""
        if self._sqlite:
            await self.run()
            return sqlite_driver(self._connection).fetch(statement, binds)
        parts, more, self._parts, self._binds = self._parts, self._binds, [], {}
        named = ", ".join(f"w{n} AS ({part})" for n, part in enumerate(parts))
        return await postgres_driver.fetch(
            self._connection, f"WITH {named} {statement}" if parts else statement, {**more, **binds}
        )

    def _add(self, statement: str, converters: list[Converter], rows: Sequence[Row]) -> None:
        names, values = tuple(rows[0]), _flat(rows)
        width = len(names)
        for place, converter in enumerate(converters):
            if converter is not None:
                values[place::width] = converter(values[place::width])
        if self._sqlite:
            self._statements += _of_many_rows(statement, values, width)
            return
        prefix = f"b{len(self._parts)}_"
        self._parts.append(statement.replace(_BIND, f":{prefix}"))
        self._binds |= {f"{prefix}{name}": values[place::width] for place, name in enumerate(names)}


async def insert_rows(connection: AsyncConnection, table: Table, rows: Sequence[Row], **options: Any) -> None:
    """One :meth:`Writes.insert`."""
    writes = Writes(connection)
    writes.insert(table, rows, **options)
    await writes.run()


async def upsert_rows(connection: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """One :meth:`Writes.upsert`."""
    writes = Writes(connection)
    writes.upsert(table, rows)
    await writes.run()


@lru_cache(maxsize=128)
def _insert(
    table: Table, names: tuple[str, ...], tail: str, computed: Computed, *, sqlite: bool
) -> tuple[str, list[Converter]]:
    columns = ", ".join([*names, *(name for name, _ in computed)])
    given = [f"column{n}" if sqlite else _from_array(table, name) for n, name in enumerate(names, 1)]
    values = ", ".join([*given, *(expression for _, expression in computed)])
    source = f"{_ROWS} WHERE true" if sqlite else _arrays(table, names)
    statement = f"{_verb('INSERT', sqlite)} INTO {table.name} ({columns}) SELECT {values} FROM {source} {tail}"
    return statement, [_converter(table, name, sqlite=sqlite) for name in names]


@lru_cache(maxsize=128)
def _update(table: Table, names: tuple[str, ...], *, sqlite: bool) -> tuple[str, list[Converter]]:
    keys = [column.name for column in table.primary_key]
    given = {name: f"column{n}" if sqlite else _from_array(table, name) for n, name in enumerate(names, 1)}
    changes = ", ".join(f"{name} = {given[name]}" for name in names if name not in keys)
    same = " AND ".join(f"{table.name}.{key} = {given[key]}" for key in keys)
    source = _ROWS if sqlite else _arrays(table, names)
    statement = f"{_verb('UPDATE', sqlite)} {table.name} SET {changes} FROM {source} WHERE {same}"
    return statement, [_converter(table, name, sqlite=sqlite) for name in names]


def _verb(verb: str, sqlite: bool) -> str:
    """Of a statement that is refused SQLite keeps nothing to take it back: the whole transaction is taken back."""
    return f"{verb} OR FAIL" if sqlite else verb


def _flat(rows: Sequence[Row]) -> list[Any]:
    """The values of all ``rows``, one row after the other, in the order of the first one's keys."""
    if len(rows[0]) == 1:
        return [value for row in rows for value in row.values()]
    return list(chain.from_iterable(map(itemgetter(*rows[0]), rows)))


def _of_many_rows(statement: str, values: Sequence[Any], width: int) -> Iterator[Statement]:
    """``statement`` with its VALUES, padded to a power of two so that few texts exist; LIMIT drops the padding.

    So few statements are prepared, and one step of the database writes all. ``values`` are rows of ``width``.
    """
    for begin in range(0, len(values), _MOST_ROWS * width):
        some = values[begin : begin + _MOST_ROWS * width]
        rows = len(some) // width
        places = 1 << (rows - 1).bit_length()
        yield _with_places(statement, places, width), [*some, *[None] * (places * width - len(some)), rows]


@lru_cache(maxsize=512)
def _with_places(statement: str, places: int, columns: int) -> str:
    row = f"({', '.join('?' * columns)})"
    values = f"(SELECT * FROM (VALUES {', '.join([row] * places)}) LIMIT ?) AS r"
    return statement.replace(_ROWS, values)


def _arrays(table: Table, names: tuple[str, ...]) -> str:
    arrays = ", ".join(f"CAST({_BIND}{name} AS {_array_type(table, name)}[])" for name in names)
    return f"unnest({arrays}) AS r({', '.join(names)})"


def _from_array(table: Table, name: str) -> str:
    return f"CAST(r.{name} AS jsonb)" if _is_json(table, name) else f"r.{name}"


def _is_json(table: Table, name: str) -> bool:
    return isinstance(table.c[name].type, JSON)


def _converter(table: Table, name: str, *, sqlite: bool) -> Converter:
    kind = table.c[name].type
    if isinstance(kind, JSON):
        return _documents
    if sqlite and isinstance(kind, UtcDateTime):
        return _moments
    return None


def _moments(values: Sequence[datetime | None]) -> Sequence[str | None]:
    return [None if value is None else sqlite_moment(value) for value in values]


def _documents(values: Sequence[Any]) -> Sequence[str | None]:
    """Values as JSON; text is JSON already."""
    return [value if value is None or isinstance(value, str) else to_json(value).decode() for value in values]


def _array_type(table: Table, name: str) -> str:
    kind = table.c[name].type
    if isinstance(kind, UtcDateTime):
        return "timestamptz"
    if isinstance(kind, Boolean):
        return "boolean"
    if isinstance(kind, BigInteger):
        return "bigint"
    return "integer" if isinstance(kind, Integer) else "text"
