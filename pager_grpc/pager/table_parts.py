"""What the tables of the pager are made of."""

from typing import Any

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, Text, TextClause, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from pager_grpc.access.tables import api_keys_table
from pager_grpc.changes.tables import change_records_table
from pager_grpc.runtime.columns import IdText, JsonDocument, UtcDateTime
from pager_grpc.runtime.schema_version import schema_version_table

metadata = MetaData()
schema_version_table(metadata)
api_keys_table(metadata)
change_records_table(metadata)


class PagerTable(SQLModel, registry=registry(metadata=metadata)):
    """A table of this room; rooms share no metadata."""


def table_of(model: Any) -> Table:
    """The table that a class stands for, for statements without the ORM."""
    table: Table = model.__table__
    return table


def id_text(*, primary_key: bool = False, nullable: bool = False) -> Any:
    """An id."""
    return Field(sa_column=Column(IdText, primary_key=primary_key, nullable=nullable))


def plain_text(*, nullable: bool = False) -> Any:
    """Text of any length."""
    return Field(sa_column=Column(Text, nullable=nullable))


def moment(*, nullable: bool = False) -> Any:
    """A moment in UTC."""
    return Field(sa_column=Column(UtcDateTime, nullable=nullable))


def big() -> Any:
    """A whole number of 64 bits."""
    return Field(sa_column=Column(BigInteger, nullable=False))


def json_document(*, nullable: bool = False) -> Any:
    """A JSON document."""
    return Field(sa_column=Column(JsonDocument, nullable=nullable))


def partial_index(name: str, *columns: str | TextClause, where: str, unique: bool = False) -> Index:
    """An index of the rows under the condition ``where`` alone."""
    condition = text(where)
    return Index(name, *columns, unique=unique, postgresql_where=condition, sqlite_where=condition)
