"""The schema of the policy database. The database itself refuses double coverage and two defaults."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, MetaData, text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from pager_grpc.runtime.columns import IdText, JsonDocument, UtcDateTime
from pager_grpc.runtime.schema_version import schema_version_table

metadata = MetaData()
schema_version_table(metadata)


class PolicyTable(SQLModel, registry=registry(metadata=metadata)):
    """A table of this room; rooms share no metadata."""


class EscalationPolicyRow(PolicyTable, table=True):
    """What has become of one policy id: its last revision, also after it has ended."""

    __tablename__ = "escalation_policies"
    __table_args__ = (
        CheckConstraint("revision >= 1", name="ck_escalation_policies_revision"),
        CheckConstraint("NOT (ended AND default_policy)", name="ck_escalation_policies_ended_default"),
        Index(
            "uq_escalation_policies_default",
            "default_policy",
            unique=True,
            postgresql_where=text("default_policy"),
            sqlite_where=text("default_policy"),
        ),
    )

    policy_id: str = Field(sa_column=Column(IdText, primary_key=True))
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))
    default_policy: bool
    ended: bool
    create_time: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    update_time: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class PolicyRevisionRow(PolicyTable, table=True):
    """What one revision says; written once, never changed."""

    __tablename__ = "policy_revisions"
    __table_args__ = (
        CheckConstraint("revision >= 1", name="ck_policy_revisions_revision"),
        CheckConstraint("coalesce(document ->> 'levels', '[]') <> '[]'", name="ck_policy_revisions_levels"),
    )

    policy_id: str = Field(sa_column=Column(IdText, ForeignKey("escalation_policies.policy_id"), primary_key=True))
    revision: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    document: dict[str, Any] = Field(sa_column=Column(JsonDocument, nullable=False))


class PolicyCoverageRow(PolicyTable, table=True):
    """Which policy covers a service; the key is the rule that only one does."""

    __tablename__ = "policy_coverage"
    __table_args__ = (Index("ix_policy_coverage_policy_id", "policy_id"),)

    monitored_service_id: str = Field(sa_column=Column(IdText, primary_key=True))
    policy_id: str = Field(sa_column=Column(IdText, ForeignKey("escalation_policies.policy_id"), nullable=False))


ESCALATION_POLICIES = metadata.tables["escalation_policies"]
POLICY_REVISIONS = metadata.tables["policy_revisions"]
POLICY_COVERAGE = metadata.tables["policy_coverage"]
