"""The schema of the notifier database: the ledger. It never holds an address or a text."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, MetaData, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from pager_grpc.access.tables import api_keys_table
from pager_grpc.changes.tables import change_records_table
from pager_grpc.runtime.columns import UtcDateTime, one_of_check
from pager_grpc.runtime.schema_version import schema_version_table

metadata = MetaData()
schema_version_table(metadata)
api_keys_table(metadata)
change_records_table(metadata)

# Ids sort by code point on both engines, whatever the locale of the database.
IdText = Text().with_variant(Text(collation="C"), "postgresql")


class NotifierTable(SQLModel, registry=registry(metadata=metadata)):
    """A table of this room; rooms share no metadata."""


class DeliveryRow(NotifierTable, table=True):
    """One delivery. The only index beside the key is on columns that never change, so that updates stay in place."""

    __tablename__ = "deliveries"
    __table_args__ = (
        CheckConstraint("channel IN ('email', 'sms')", name="ck_deliveries_channel"),
        CheckConstraint(
            one_of_check("state", "sending", "accepted", "refused", "deferred", "in_doubt", "unknown"),
            name="ck_deliveries_state",
        ),
        CheckConstraint("doubt_count BETWEEN 0 AND 3", name="ck_deliveries_doubt_count"),
        CheckConstraint("doubt_count <= attempt_count", name="ck_deliveries_attempt_count"),
        CheckConstraint("(doubt_count = 3) = (state = 'unknown')", name="ck_deliveries_unknown"),
        CheckConstraint("(state = 'sending') = (sending_until IS NOT NULL)", name="ck_deliveries_sending"),
        CheckConstraint("state <> 'deferred' OR retry_time IS NOT NULL", name="ck_deliveries_deferred"),
        CheckConstraint("provider <> ''", name="ck_deliveries_provider"),
        CheckConstraint("attempt_count >= 1 AND fencing_token >= 0", name="ck_deliveries_attempted"),
        CheckConstraint("delivery_id <> '' AND fingerprint <> ''", name="ck_deliveries_fingerprint"),
        Index("ix_deliveries_create_time", "create_time", "delivery_id"),
    )

    delivery_id: str = Field(sa_column=Column(IdText, primary_key=True))
    channel: str = Field(sa_column=Column(Text, nullable=False))
    state: str = Field(sa_column=Column(Text, nullable=False))
    recipient_hint: str = Field(sa_column=Column(Text, nullable=False))
    fingerprint: str = Field(sa_column=Column(Text, nullable=False))
    provider: str = Field(sa_column=Column(Text, nullable=False))
    fencing_token: int = Field(sa_column=Column(BigInteger, nullable=False))
    create_time: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    update_time: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    attempt_count: int = Field(sa_column=Column(Integer, nullable=False))
    doubt_count: int = Field(sa_column=Column(Integer, nullable=False))
    sending_until: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    retry_time: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    provider_message_id: str = Field(sa_column=Column(Text, nullable=False))
    provider_answer: str = Field(sa_column=Column(Text, nullable=False))


DELIVERIES = metadata.tables["deliveries"]
