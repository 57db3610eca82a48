"""The schema of the pager database: what the rules promise, the database enforces.

Every table is keyed by the monitored service first, so that a transaction touches one shard on a distributed
PostgreSQL. What a change may not do to a row that is there, the guards of the migrations refuse (docs/database.md).
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, UniqueConstraint, text
from sqlmodel import Field

from pager_grpc.pager.table_parts import PagerTable, metadata, table_of
from pager_grpc.pager.table_parts import big as _big
from pager_grpc.pager.table_parts import id_text as _id
from pager_grpc.pager.table_parts import json_document as _json
from pager_grpc.pager.table_parts import moment as _moment
from pager_grpc.pager.table_parts import partial_index as _partial
from pager_grpc.pager.table_parts import plain_text as _text
from pager_grpc.runtime.columns import IdText, one_of_check

__all__ = ["metadata", "table_of"]

_SEVERITY = one_of_check("severity", "critical", "error", "warning", "info")
_OWED = "state = 'waiting' AND bundle_id IS NULL"
_NAMES_LEVELS = "coalesce(policy ->> 'levels', '[]') <> '[]'"


class MonitoredServiceRow(PagerTable, table=True):
    """A service under watch. This row is locked first by everything that decides about the service."""

    __tablename__ = "monitored_services"
    __table_args__ = {"sqlite_with_rowid": False}

    monitored_service_id: str = _id(primary_key=True)
    incident_id: str | None = _id(nullable=True)
    created_at: datetime = _moment()
    updated_at: datetime = _moment()
    reopen_incident_id: str | None = _id(nullable=True)


class IncidentRow(PagerTable, table=True):
    """An incident; an open one that nothing will ever escalate again is impossible unless it says so."""

    __tablename__ = "incidents"
    __table_args__ = (
        CheckConstraint(one_of_check("state", "open", "acknowledged", "resolved"), name="ck_incidents_state"),
        CheckConstraint("state <> 'resolved' OR next_escalation_at IS NULL", name="ck_incidents_resolved_is_quiet"),
        CheckConstraint(
            "state <> 'open' OR next_escalation_at IS NOT NULL OR exhausted", name="ck_incidents_open_is_escalated"
        ),
        CheckConstraint("state <> 'acknowledged' OR acknowledged_by <> ''", name="ck_incidents_acknowledged_by"),
        CheckConstraint(
            "alert_count >= 1 AND event_count >= 1 AND cycle >= 0 AND level >= 0", name="ck_incidents_counts"
        ),
        # What is due is looked for severity by severity: any other would never be found.
        CheckConstraint(_SEVERITY, name="ck_incidents_severity"),
        CheckConstraint("generation >= 1 AND policy_since_cycle >= 1", name="ck_incidents_generation"),
        CheckConstraint("(cycle = 0) = (level = 0) AND (policy IS NULL) = (level = 0)", name="ck_incidents_begun"),
        CheckConstraint(f"policy IS NULL OR {_NAMES_LEVELS}", name="ck_incidents_policy"),
        CheckConstraint("NOT exhausted OR (level >= 1 AND next_escalation_at IS NULL)", name="ck_incidents_exhausted"),
        CheckConstraint("(acknowledged_at IS NULL) = (acknowledged_by = '')", name="ck_incidents_acknowledged_at"),
        CheckConstraint("(state = 'resolved') = (resolved_at IS NOT NULL)", name="ck_incidents_resolved_at"),
        # Silence never loses a page: what is held goes on when the hold ends.
        CheckConstraint(
            "held_until IS NULL OR (next_escalation_at IS NOT NULL AND next_escalation_at = held_until)",
            name="ck_incidents_held",
        ),
        CheckConstraint("held_by_window IS NULL OR held_until IS NOT NULL", name="ck_incidents_held_by_window"),
        CheckConstraint(
            "assigned_to IS NULL OR assigned_to LIKE 'policy/_%' OR assigned_to LIKE 'person/_%'",
            name="ck_incidents_assigned_to",
        ),
        CheckConstraint("reopen_until IS NULL OR state = 'resolved'", name="ck_incidents_reopen_until"),
        _partial("uq_incidents_unresolved", "monitored_service_id", where="state <> 'resolved'", unique=True),
        _partial("ix_incidents_due", "severity", "next_escalation_at", where="next_escalation_at IS NOT NULL"),
        _partial("ix_incidents_held_by_window", "held_by_window", where="held_by_window IS NOT NULL"),
        Index("ix_incidents_incident_id", "incident_id"),
        Index("ix_incidents_opened_at", "opened_at", "incident_id"),
        _partial("ix_incidents_resolved_at", "resolved_at", where="resolved_at IS NOT NULL"),
    )

    monitored_service_id: str = _id(primary_key=True)
    incident_id: str = _id(primary_key=True)
    state: str = _text()
    message: str = _text()
    severity: str = _text()
    dedup_key: str = _text()
    details: str = _text()
    links: list[Any] = _json()
    occurred_at: datetime | None = _moment(nullable=True)
    opened_at: datetime = _moment()
    alert_count: int = _big()
    event_count: int = _big()
    generation: int = _big()
    cycle: int = Field(sa_column=Column(Integer, nullable=False))
    level: int = Field(sa_column=Column(Integer, nullable=False))
    policy_since_cycle: int = Field(sa_column=Column(Integer, nullable=False))
    policy: dict[str, Any] | None = _json(nullable=True)
    next_escalation_at: datetime | None = _moment(nullable=True)
    acknowledgement_due_at: datetime | None = _moment(nullable=True)
    exhausted: bool
    acknowledged_at: datetime | None = _moment(nullable=True)
    acknowledged_by: str = _text()
    acknowledge_note: str = _text()
    resolved_at: datetime | None = _moment(nullable=True)
    held_until: datetime | None = _moment(nullable=True)
    held_by_window: str | None = _id(nullable=True)
    assigned_to: str | None = _text(nullable=True)
    reopen_until: datetime | None = _moment(nullable=True)
    traceparent: str | None = _text(nullable=True)


class NotificationRow(PagerTable, table=True):
    """A page: the transactional outbox.

    ``held`` while a delivery has claimed it; ``due_at`` ends its lease then. ``lost_claims`` counts the leases in a row
    that ended without a word. ``owed_at`` is when it is owed first, NULL: when it was made; a page that is due later
    waits here, nowhere else. With a ``bundle_id`` it is held by that bundle, whose lease counts, and ends with it.
    ``stopped_at`` is when its incident was answered or held while a delivery held it: it is not tried again.

    ``address`` is sealed, and ``recipient`` the same for the same one; without a ``recipient`` it is plain, and was
    stored by code that did not seal.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint(
            *("monitored_service_id", "incident_id", "cycle", "level", "target_id", "channel"),
            *("person_id", "contact_method_id", "step"),
            name="uq_notifications_page",
        ),
        CheckConstraint(
            one_of_check("state", "waiting", "handed_off", "merged", "undeliverable", "cancelled", "in_doubt"),
            name="ck_notifications_state",
        ),
        CheckConstraint("channel IN ('email', 'sms')", name="ck_notifications_channel"),
        CheckConstraint("state = 'waiting' OR settled_at IS NOT NULL", name="ck_notifications_settled_at"),
        CheckConstraint("lost_claims >= 0", name="ck_notifications_lost_claims"),
        CheckConstraint(_SEVERITY, name="ck_notifications_severity"),
        CheckConstraint("cycle >= 1 AND level >= 1", name="ck_notifications_level"),
        CheckConstraint("target_id <> '' AND address <> ''", name="ck_notifications_address"),
        CheckConstraint("lost_claims <= attempts AND (NOT held OR attempts >= 1)", name="ck_notifications_attempts"),
        CheckConstraint("state <> 'waiting' OR settled_at IS NULL", name="ck_notifications_waiting"),
        CheckConstraint("state = 'waiting' OR NOT held", name="ck_notifications_held"),
        CheckConstraint("step >= 0", name="ck_notifications_step"),
        CheckConstraint("owed_at IS NULL OR owed_at >= created_at", name="ck_notifications_owed_at"),
        # S11: what was merged was merged into something.
        CheckConstraint("state <> 'merged' OR bundle_id IS NOT NULL", name="ck_notifications_merged"),
        CheckConstraint("bundle_id IS NULL OR held OR state <> 'waiting'", name="ck_notifications_bundled"),
        _partial("ix_notifications_due", "severity", "due_at", where=_OWED),
        _partial("ix_notifications_unclaimed", "recipient", where=f"{_OWED} AND attempts = 0"),
        _partial("ix_notifications_bundle", "bundle_id", where="bundle_id IS NOT NULL"),
    )

    monitored_service_id: str = _id(primary_key=True)
    notification_id: str = _id(primary_key=True)
    incident_id: str = _id()
    cycle: int = Field(sa_column=Column(Integer, nullable=False))
    level: int = Field(sa_column=Column(Integer, nullable=False))
    target_id: str = _text()
    person_id: str = _id()
    contact_method_id: str = _id()
    step: int = Field(sa_column=Column(Integer, nullable=False))
    channel: str = _text()
    address: str = _text()
    subject: str = _text()
    body: str = _text()
    state: str = _text()
    held: bool
    attempts: int = _big()
    lost_claims: int = Field(sa_column=Column(Integer, nullable=False))
    severity: str = _text()
    due_at: datetime = _moment()
    owed_at: datetime | None = _moment(nullable=True)
    created_at: datetime = _moment()
    settled_at: datetime | None = _moment(nullable=True)
    last_reason: str = _text()
    bundle_id: str | None = Field(
        sa_column=Column(IdText, ForeignKey("bundles.bundle_id", name="fk_notifications_bundle"), nullable=True)
    )
    recipient: str | None = _text(nullable=True)
    traceparent: str | None = _text(nullable=True)
    stopped_at: datetime | None = _moment(nullable=True)


class BundleRow(PagerTable, table=True):
    """One message that carries many pages to one recipient; its columns mean what those of a page mean.

    Its pages are of many services, so it is keyed by itself: on a distributed PostgreSQL only a storm crosses shards.
    """

    __tablename__ = "bundles"
    __table_args__ = (
        CheckConstraint(
            "state IN ('waiting', 'handed_off', 'undeliverable', 'cancelled', 'in_doubt', 'dissolved')",
            name="ck_bundles_state",
        ),
        CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="ck_bundles_settled_at"),
        CheckConstraint("state = 'waiting' OR NOT held", name="ck_bundles_held"),
        CheckConstraint("lost_claims >= 0 AND lost_claims <= attempts AND attempts >= 1", name="ck_bundles_attempts"),
        _partial("ix_bundles_due", "due_at", where="state = 'waiting'"),
        _partial("ix_bundles_settled_at", "settled_at", where="settled_at IS NOT NULL"),
    )

    bundle_id: str = _id(primary_key=True)
    subject: str = _text()
    body: str = _text()
    state: str = _text()
    held: bool
    attempts: int = _big()
    lost_claims: int = Field(sa_column=Column(Integer, nullable=False))
    due_at: datetime = _moment()
    created_at: datetime = _moment()
    settled_at: datetime | None = _moment(nullable=True)
    last_reason: str = _text()


class RecipientRow(PagerTable, table=True):
    """What one recipient got lately: see :class:`~pager_domain.pager.storm.Traffic`. ``recipient`` is as in pages."""

    __tablename__ = "recipients"
    __table_args__ = (
        CheckConstraint("most_severe IN ('critical', 'error', 'warning', 'info')", name="ck_recipients_most_severe"),
        {"sqlite_with_rowid": False},
    )

    recipient: str = _id(primary_key=True)
    calm_at: datetime = _moment()
    most_severe: str = _text()


class IncidentEventRow(PagerTable, table=True):
    """The timeline, only ever added to. (``transaction_id``, ``position``) is the order of the stream of all events.

    A level of a cycle is notified or skipped once.
    """

    __tablename__ = "incident_events"
    __table_args__ = (
        Index("uq_incident_events_stream", "transaction_id", "position", unique=True),
        _partial(
            "uq_incident_events_level",
            "monitored_service_id",
            "incident_id",
            text("(document ->> 'cycle')"),
            text("(document ->> 'level')"),
            where="kind IN ('LevelNotified', 'LevelSkipped')",
            unique=True,
        ),
    )

    monitored_service_id: str = _id(primary_key=True)
    incident_id: str = _id(primary_key=True)
    sequence: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    at: datetime = _moment()
    kind: str = _text()
    document: dict[str, Any] = _json()
    transaction_id: int = _big()
    position: int = _big()


class RequestAnswerRow(PagerTable, table=True):
    """What a request with an id was answered, so that a repeat gets the same."""

    __tablename__ = "request_answers"
    __table_args__ = (Index("ix_request_answers_created_at", "created_at"), {"sqlite_with_rowid": False})

    monitored_service_id: str = _id(primary_key=True)
    request_id: str = _id(primary_key=True)
    fingerprint: str = _text()
    incident_id: str | None = _id(nullable=True)
    changed: bool
    alert_count: int = _big()
    created_at: datetime = _moment()


class LastKnownPolicyRow(PagerTable, table=True):
    """The policy last learnt for a service, with its forecast, for when the policy service does not answer.

    It is asked for again at ``ask_at``; ``fingerprint`` is the same for the same policy and forecast.
    """

    __tablename__ = "last_known_policies"
    __table_args__ = (
        CheckConstraint(_NAMES_LEVELS, name="ck_last_known_policies_policy"),
        Index("ix_last_known_policies_ask_at", "ask_at"),
        Index("ix_last_known_policies_learnt_at", "learnt_at"),
    )

    monitored_service_id: str = _id(primary_key=True)
    policy: dict[str, Any] = _json()
    learnt_at: datetime = _moment()
    ask_at: datetime | None = _moment(nullable=True)
    fingerprint: str | None = _text(nullable=True)
