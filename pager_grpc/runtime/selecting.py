"""Reading by plain SQL, and the small pieces that the two engines spell differently.

Lists travel as one bind (an array on PostgreSQL, a JSON array on SQLite), so that every length shares one statement and
both engines look each entry up by index; SQLite scans the table for a list of pairs written out as VALUES.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncConnection

from pager_grpc.runtime import postgres_driver
from pager_grpc.runtime.sqlite_connection import SqliteConnection

Binds = dict[str, Any]
Row = Mapping[Any, Any]


async def fetch(connection: AsyncConnection, statement: str, binds: Mapping[str, Any]) -> Sequence[Row]:
    """The rows of ``statement``, as the engine keeps them: on SQLite a moment or a document comes as text."""
    if is_sqlite(connection):
        return sqlite_driver(connection).fetch(statement, binds)
    return await postgres_driver.fetch(connection, statement, binds)


async def change(connection: AsyncConnection, statement: str, binds: Mapping[str, Any]) -> None:
    """Runs a statement that gives no rows."""
    await fetch(connection, statement, binds)


def as_rows(connection: AsyncConnection, column: str, values: Iterable[str]) -> tuple[str, Binds]:
    """``values``, sorted, as a table with one ``column``, to stand after FROM; and its binds."""
    listed = sorted(values)
    if is_sqlite(connection):
        return f"(SELECT value AS {column} FROM json_each(:listed)) AS listed", {"listed": to_json(listed).decode()}
    return f"unnest(CAST(:listed AS text[])) AS listed({column})", {"listed": listed}


def is_one_of(connection: AsyncConnection, column: str, values: Iterable[str]) -> tuple[str, Binds]:
    """The condition that ``column`` is one of ``values``, and its binds."""
    listed = sorted(values)
    if is_sqlite(connection):
        return f"{column} IN (SELECT value FROM json_each(:listed))", {"listed": to_json(listed).decode()}
    return f"{column} = ANY(CAST(:listed AS text[]))", {"listed": listed}


def is_one_of_pairs(connection: AsyncConnection, columns: str, pairs: Iterable[tuple[str, str]]) -> tuple[str, Binds]:
    """The condition that the two ``columns`` together are one of ``pairs``, and its binds.

    Two separate lists would be tried in every combination.
    """
    listed = sorted(pairs)
    if is_sqlite(connection):
        wanted = "SELECT value ->> 0, value ->> 1 FROM json_each(:pairs)"
        return f"({columns}) IN ({wanted})", {"pairs": to_json(listed).decode()}
    wanted = "SELECT * FROM unnest(CAST(:firsts AS text[]), CAST(:seconds AS text[]))"
    return f"({columns}) IN ({wanted})", {"firsts": [a for a, _ in listed], "seconds": [b for _, b in listed]}


def is_sqlite(connection: AsyncConnection) -> bool:
    """Whether this is the embedded engine."""
    return connection.dialect.name == "sqlite"


def sqlite_driver(connection: AsyncConnection) -> SqliteConnection:
    """The :class:`SqliteConnection` beneath, for statements that need nothing of SQLAlchemy."""
    driver = connection.sync_connection.connection.driver_connection if connection.sync_connection else None
    if not isinstance(driver, SqliteConnection):
        raise TypeError("this connection is not one of the embedded engine")
    return driver
