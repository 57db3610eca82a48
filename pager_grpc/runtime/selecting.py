"""Small pieces of SQL that the two engines spell differently.

Lists travel as one bind (an array on PostgreSQL, a JSON array on SQLite), so that every length shares one statement and
both engines look each entry up by index; SQLite scans the table for a list of pairs written out as VALUES.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Text, any_, bindparam, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection


def is_one_of(connection: AsyncConnection, column: Column[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """``column`` is one of ``values``."""
    listed = sorted(values)
    if connection.dialect.name == "sqlite":
        return column.in_(select(_json_each(listed).c.value))
    return column == any_(bindparam(None, listed, type_=ARRAY(Text)))


def is_one_of_pairs(
    connection: AsyncConnection, columns: Sequence[Column[Any]], pairs: Iterable[tuple[str, str]]
) -> ColumnElement[bool]:
    """The two ``columns`` together are one of ``pairs``. Two separate lists would be tried in every combination."""
    listed = sorted(pairs)
    if connection.dialect.name == "sqlite":
        pair = _json_each(listed).c.value
        return tuple_(*columns).in_(select(pair.op("->>")(literal(0)), pair.op("->>")(literal(1))))
    arrays = [bindparam(None, [pair[n] for pair in listed], type_=ARRAY(Text)) for n in (0, 1)]
    wanted = func.unnest(*arrays).table_valued("first", "second").render_derived()
    return tuple_(*columns).in_(select(wanted.c.first, wanted.c.second))


def _json_each(listed: Sequence[Any]) -> Any:
    return func.json_each(json.dumps(listed)).table_valued("value")
