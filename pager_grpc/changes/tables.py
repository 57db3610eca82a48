"""The table of change records, which each room has in its own database."""

import sqlalchemy as sa

from pager_grpc.runtime.columns import IdText, JsonDocument, UtcDateTime


def change_records_table(metadata: sa.MetaData) -> sa.Table:
    """The table, for the metadata of a room."""
    return sa.Table("change_records", metadata, *columns(), *indexes())


def columns() -> list[sa.schema.SchemaItem]:
    """Its columns and checks, made anew."""
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


def indexes() -> list[sa.Index]:
    """Its indexes, made anew."""
    return [
        sa.Index("ix_change_records_object", "object_kind", "object_id", "record_id"),
        sa.Index("ix_change_records_recorded_at", "recorded_at"),
    ]
