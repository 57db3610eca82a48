"""Small pieces of SQL that the two engines spell differently."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, ColumnElement, Text, any_, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection


def is_one_of(connection: AsyncConnection, column: Column[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """``column`` is one of ``values``: one array on PostgreSQL, so that every length shares one prepared statement."""
    listed = sorted(values)
    if connection.dialect.name == "sqlite":
        return column.in_(listed)
    return column == any_(bindparam(None, listed, type_=ARRAY(Text)))
