"""The table of change records, which each room has in its own database, and what keeps it append-only."""

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.columns import IdText, JsonDocument, UtcDateTime
from pager_grpc.runtime.guards import Guard, create_guards, drop_guards

_GUARDS = (
    Guard("gd_change_records_written_once", "change_records", "UPDATE"),
    Guard("gd_change_records_kept", "change_records", "DELETE"),
)


def change_records_table(metadata: sa.MetaData) -> sa.Table:
    """The table, for the metadata of a room."""
    return sa.Table("change_records", metadata, *_columns(), *_indexes())


def create_change_records() -> None:
    """Inside a migration: the table and its guards."""
    op.create_table("change_records", *_columns())
    for index in _indexes():
        op.create_index(str(index.name), "change_records", [str(column) for column in index.expressions])
    create_guards(*_GUARDS)


def drop_change_records() -> None:
    """Inside a migration: removes both, and every record."""
    drop_guards(*_GUARDS)
    op.drop_table("change_records")


def _columns() -> list[sa.schema.SchemaItem]:
    # SQLite counts a row id up by itself only in a column that is called INTEGER.
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return [
        sa.Column("record_id", number, primary_key=True),
        sa.Column("recorded_at", UtcDateTime, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("request_id", sa.Text, nullable=False),
        sa.Column("object_kind", IdText, nullable=False),
        sa.Column("object_id", IdText, nullable=False),
        sa.Column("before", JsonDocument),
        sa.Column("after", JsonDocument),
        sa.CheckConstraint("before IS NOT NULL OR after IS NOT NULL", name="ck_change_records_something"),
    ]


def _indexes() -> list[sa.Index]:
    return [
        sa.Index("ix_change_records_object", "object_kind", "object_id", "record_id"),
        sa.Index("ix_change_records_recorded_at", "recorded_at"),
    ]
