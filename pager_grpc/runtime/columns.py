"""Column types that mean the same on both engines."""

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

JsonDocument = JSON().with_variant(JSONB(), "postgresql")
"""A JSON document: JSONB on PostgreSQL, text on SQLite."""


IdText = Text().with_variant(Text(collation="C"), "postgresql")
"""An id: sorts by code point on both engines, whatever the locale of the database."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC: ``timestamptz`` on PostgreSQL, sortable text with microseconds on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The engine's own type; SQLite has none for moments."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuses naive moments: they mean something else on every machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return sqlite_moment(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Always aware, always UTC."""
        return as_moment(value)


@lru_cache(maxsize=256)
def sqlite_moment(value: datetime) -> str:
    """The text that SQLite keeps for a moment: fixed width, so that text order is time order."""
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def as_moment(value: Any) -> datetime | None:
    """A moment as either engine returns it, from a typed column or from plain SQL."""
    if value is None:
        return None
    if isinstance(value, str):
        return _moment_of_text(value)
    moment: datetime = value
    if moment.tzinfo is UTC:
        return moment
    # Without a zone: the calendar's first and last moment, which asyncpg takes for the infinities.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


@lru_cache(maxsize=4096)
def _moment_of_text(text: str) -> datetime:
    """The text that SQLite keeps; a batch shares a few, and open incidents are read again and again."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def moment_of(value: Any) -> datetime:
    """As :func:`as_moment`, of a column that is never NULL."""
    moment = as_moment(value)
    if moment is None:
        raise TypeError("a moment that is never NULL was NULL")
    return moment


def as_document(value: Any) -> Any:
    """A JSON document as either engine returns it from plain SQL."""
    return json.loads(value) if isinstance(value, str) else value


def one_of_check(column: str, *values: str) -> str:
    """The condition of a check. SQLite makes a table of an IN with three or more values, anew for every row."""
    return " OR ".join(f"{column} = '{value}'" for value in values)
