"""Services, incidents, their events, the outbox, request answers and last known policies."""

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.columns import IdText, JsonDocument, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incident_events",
        sa.Column("monitored_service_id", IdText, nullable=False),
        sa.Column("incident_id", IdText, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("document", JsonDocument, nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("monitored_service_id", "incident_id", "sequence"),
    )
    op.create_index("uq_incident_events_stream", "incident_events", ["transaction_id", "position"], unique=True)
    op.create_table(
        "incidents",
        sa.Column("monitored_service_id", IdText, nullable=False),
        sa.Column("incident_id", IdText, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("dedup_key", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("links", JsonDocument, nullable=False),
        sa.Column("occurred_at", UtcDateTime, nullable=True),
        sa.Column("opened_at", UtcDateTime, nullable=False),
        sa.Column("alert_count", sa.BigInteger(), nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("policy_since_cycle", sa.Integer(), nullable=False),
        sa.Column("policy", JsonDocument, nullable=True),
        sa.Column("next_escalation_at", UtcDateTime, nullable=True),
        sa.Column("acknowledgement_due_at", UtcDateTime, nullable=True),
        sa.Column("exhausted", sa.Boolean(), nullable=False),
        sa.Column("acknowledged_at", UtcDateTime, nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=False),
        sa.Column("acknowledge_note", sa.Text(), nullable=False),
        sa.Column("resolved_at", UtcDateTime, nullable=True),
        sa.CheckConstraint("state <> 'acknowledged' OR acknowledged_by <> ''", name="ck_incidents_acknowledged_by"),
        sa.CheckConstraint(
            "state <> 'open' OR next_escalation_at IS NOT NULL OR exhausted", name="ck_incidents_open_is_escalated"
        ),
        sa.CheckConstraint("state = 'open' OR next_escalation_at IS NULL", name="ck_incidents_answered_is_quiet"),
        sa.CheckConstraint("state IN ('open', 'acknowledged', 'resolved')", name="ck_incidents_state"),
        sa.CheckConstraint(
            "alert_count >= 1 AND event_count >= 1 AND cycle >= 0 AND level >= 0", name="ck_incidents_counts"
        ),
        sa.PrimaryKeyConstraint("monitored_service_id", "incident_id"),
    )
    op.create_index(
        "ix_incidents_due",
        "incidents",
        ["next_escalation_at"],
        unique=False,
        postgresql_where=sa.text("next_escalation_at IS NOT NULL"),
        sqlite_where=sa.text("next_escalation_at IS NOT NULL"),
    )
    op.create_index("ix_incidents_incident_id", "incidents", ["incident_id"], unique=False)
    op.create_index("ix_incidents_opened_at", "incidents", ["opened_at", "incident_id"], unique=False)
    op.create_index(
        "uq_incidents_unresolved",
        "incidents",
        ["monitored_service_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'resolved'"),
        sqlite_where=sa.text("state <> 'resolved'"),
    )
    op.create_table(
        "last_known_policies",
        sa.Column("monitored_service_id", IdText, nullable=False),
        sa.Column("policy", JsonDocument, nullable=False),
        sa.Column("learnt_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("monitored_service_id"),
    )
    op.create_table(
        "monitored_services",
        sa.Column("monitored_service_id", IdText, nullable=False),
        sa.Column("incident_id", IdText, nullable=True),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("monitored_service_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "notifications",
        sa.Column("monitored_service_id", IdText, nullable=False),
        sa.Column("notification_id", IdText, nullable=False),
        sa.Column("incident_id", IdText, nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("due_at", UtcDateTime, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("settled_at", UtcDateTime, nullable=True),
        sa.Column("last_reason", sa.Text(), nullable=False),
        sa.CheckConstraint("channel IN ('email', 'sms')", name="ck_notifications_channel"),
        sa.CheckConstraint("state = 'waiting' OR settled_at IS NOT NULL", name="ck_notifications_settled_at"),
        sa.CheckConstraint(
            "state IN ('waiting', 'handed_off', 'undeliverable', 'cancelled', 'in_doubt')",
            name="ck_notifications_state",
        ),
        sa.PrimaryKeyConstraint("monitored_service_id", "notification_id"),
        sa.UniqueConstraint(
            "monitored_service_id",
            "incident_id",
            "cycle",
            "level",
            "target_id",
            "channel",
            name="uq_notifications_page",
        ),
    )
    op.create_index(
        "ix_notifications_due",
        "notifications",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'waiting'"),
        sqlite_where=sa.text("state = 'waiting'"),
    )
    op.create_table(
        "request_answers",
        sa.Column("monitored_service_id", IdText, nullable=False),
        sa.Column("request_id", IdText, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("incident_id", IdText, nullable=True),
        sa.Column("changed", sa.Boolean(), nullable=False),
        sa.Column("alert_count", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("monitored_service_id", "request_id"),
        sqlite_with_rowid=False,
    )
    if op.get_bind().dialect.name == "postgresql":
        # The stream of all events is ordered by (transaction, position): a reader that stops below the oldest running
        # transaction never misses one that commits late.
        op.execute("CREATE SEQUENCE incident_event_positions")
        op.execute(
            "ALTER TABLE incident_events"
            " ALTER COLUMN position SET DEFAULT nextval('incident_event_positions'),"
            " ALTER COLUMN transaction_id SET DEFAULT pg_current_xact_id()::text::bigint"
        )


def downgrade() -> None:
    op.drop_table("request_answers")
    op.drop_index(
        "ix_notifications_due",
        table_name="notifications",
        postgresql_where=sa.text("state = 'waiting'"),
        sqlite_where=sa.text("state = 'waiting'"),
    )
    op.drop_table("notifications")
    op.drop_table("monitored_services")
    op.drop_table("last_known_policies")
    op.drop_index(
        "uq_incidents_unresolved",
        table_name="incidents",
        postgresql_where=sa.text("state <> 'resolved'"),
        sqlite_where=sa.text("state <> 'resolved'"),
    )
    op.drop_index("ix_incidents_opened_at", table_name="incidents")
    op.drop_index("ix_incidents_incident_id", table_name="incidents")
    op.drop_index(
        "ix_incidents_due",
        table_name="incidents",
        postgresql_where=sa.text("next_escalation_at IS NOT NULL"),
        sqlite_where=sa.text("next_escalation_at IS NOT NULL"),
    )
    op.drop_table("incidents")
    op.drop_index("uq_incident_events_stream", table_name="incident_events")
    op.drop_table("incident_events")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP SEQUENCE incident_event_positions")
