"""The schema of the policy database. The database itself refuses double coverage and two defaults."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Text,
    text,
)
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


class RosterEntryRow(PolicyTable, table=True):
    """What has become of one id of a person or a schedule: its last revision, also after it has ended."""

    __tablename__ = "roster_entries"
    __table_args__ = (
        CheckConstraint("kind IN ('person', 'schedule')", name="ck_roster_entries_kind"),
        CheckConstraint("revision >= 1", name="ck_roster_entries_revision"),
    )

    kind: str = Field(sa_column=Column(IdText, primary_key=True))
    entry_id: str = Field(sa_column=Column(IdText, primary_key=True))
    revision: int = Field(sa_column=Column(BigInteger, nullable=False))
    ended: bool


class RosterRevisionRow(PolicyTable, table=True):
    """What one revision says, and from when on; ``end_time`` is when its entry ended while it stood."""

    __tablename__ = "roster_revisions"
    __table_args__ = (
        ForeignKeyConstraint(["kind", "entry_id"], ["roster_entries.kind", "roster_entries.entry_id"]),
        CheckConstraint("revision >= 1", name="ck_roster_revisions_revision"),
        CheckConstraint(
            "kind <> 'schedule' OR coalesce(document ->> 'layers', '[]') <> '[]'", name="ck_roster_revisions_layers"
        ),
    )

    kind: str = Field(sa_column=Column(IdText, primary_key=True))
    entry_id: str = Field(sa_column=Column(IdText, primary_key=True))
    revision: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    document: dict[str, Any] = Field(sa_column=Column(JsonDocument, nullable=False))
    create_time: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    update_time: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    end_time: datetime | None = Field(sa_column=Column(UtcDateTime))


class ContactVerificationRow(PolicyTable, table=True):
    """The newest code that a contact method was given; the code itself is not kept."""

    __tablename__ = "contact_verifications"
    __table_args__ = (
        CheckConstraint("generation >= 1", name="ck_contact_verifications_generation"),
        CheckConstraint("wrong_tries BETWEEN 0 AND 5", name="ck_contact_verifications_wrong_tries"),
        CheckConstraint("expire_time > create_time", name="ck_contact_verifications_expire_time"),
    )

    person_id: str = Field(sa_column=Column(IdText, primary_key=True))
    contact_method_id: str = Field(sa_column=Column(IdText, primary_key=True))
    generation: int = Field(sa_column=Column(BigInteger, nullable=False))
    address: str = Field(sa_column=Column(Text, nullable=False))
    salt: str = Field(sa_column=Column(Text, nullable=False))
    code_hash: str = Field(sa_column=Column(Text, nullable=False))
    wrong_tries: int = Field(sa_column=Column(Integer, nullable=False))
    used: bool
    create_time: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    expire_time: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    send_time: datetime | None = Field(sa_column=Column(UtcDateTime))


class PolicyTargetRow(PolicyTable, table=True):
    """Whom the newest revision of a live policy names; what is named cannot be ended."""

    __tablename__ = "policy_targets"
    __table_args__ = (
        ForeignKeyConstraint(["kind", "entry_id"], ["roster_entries.kind", "roster_entries.entry_id"]),
        Index("ix_policy_targets_policy_id", "policy_id"),
    )

    kind: str = Field(sa_column=Column(IdText, primary_key=True))
    entry_id: str = Field(sa_column=Column(IdText, primary_key=True))
    policy_id: str = Field(sa_column=Column(IdText, ForeignKey("escalation_policies.policy_id"), primary_key=True))


class RoundRobinCounterRow(PolicyTable, table=True):
    """Which turn comes next at a level, from 0."""

    __tablename__ = "round_robin_counters"
    __table_args__ = (
        CheckConstraint("level >= 1", name="ck_round_robin_counters_level"),
        CheckConstraint("next_turn >= 0", name="ck_round_robin_counters_next_turn"),
    )

    policy_id: str = Field(sa_column=Column(IdText, ForeignKey("escalation_policies.policy_id"), primary_key=True))
    level: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    next_turn: int = Field(sa_column=Column(BigInteger, nullable=False))


class RoundRobinTurnRow(PolicyTable, table=True):
    """The turn that an incident was given at a level; written once."""

    __tablename__ = "round_robin_turns"
    __table_args__ = (
        ForeignKeyConstraint(["policy_id", "level"], ["round_robin_counters.policy_id", "round_robin_counters.level"]),
        CheckConstraint("turn >= 0", name="ck_round_robin_turns_turn"),
        Index("uq_round_robin_turns_turn", "policy_id", "level", "turn", unique=True),
        Index("ix_round_robin_turns_create_time", "create_time"),
    )

    policy_id: str = Field(sa_column=Column(IdText, primary_key=True))
    level: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    incident_id: str = Field(sa_column=Column(IdText, primary_key=True))
    turn: int = Field(sa_column=Column(BigInteger, nullable=False))
    create_time: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


ESCALATION_POLICIES = metadata.tables["escalation_policies"]
POLICY_REVISIONS = metadata.tables["policy_revisions"]
POLICY_COVERAGE = metadata.tables["policy_coverage"]
ROSTER_ENTRIES = metadata.tables["roster_entries"]
ROSTER_REVISIONS = metadata.tables["roster_revisions"]
CONTACT_VERIFICATIONS = metadata.tables["contact_verifications"]
POLICY_TARGETS = metadata.tables["policy_targets"]
ROUND_ROBIN_COUNTERS = metadata.tables["round_robin_counters"]
ROUND_ROBIN_TURNS = metadata.tables["round_robin_turns"]
