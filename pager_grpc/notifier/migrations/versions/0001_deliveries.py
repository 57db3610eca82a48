"""The ledger of deliveries."""

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.columns import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IdText = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", IdText, primary_key=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("recipient_hint", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("fencing_token", sa.BigInteger, nullable=False),
        sa.Column("create_time", UtcDateTime, nullable=False),
        sa.Column("update_time", UtcDateTime, nullable=False),
        sa.Column("attempt_count", sa.Integer, nullable=False),
        sa.Column("doubt_count", sa.Integer, nullable=False),
        sa.Column("sending_until", UtcDateTime),
        sa.Column("retry_time", UtcDateTime),
        sa.Column("provider_message_id", sa.Text, nullable=False),
        sa.Column("provider_answer", sa.Text, nullable=False),
        sa.CheckConstraint("channel IN ('email', 'sms')", name="ck_deliveries_channel"),
        sa.CheckConstraint(
            "state IN ('sending', 'accepted', 'refused', 'deferred', 'in_doubt', 'unknown')",
            name="ck_deliveries_state",
        ),
        sa.CheckConstraint("doubt_count BETWEEN 0 AND 3", name="ck_deliveries_doubt_count"),
        sa.CheckConstraint("doubt_count <= attempt_count", name="ck_deliveries_attempt_count"),
        sa.CheckConstraint("(doubt_count = 3) = (state = 'unknown')", name="ck_deliveries_unknown"),
        sa.CheckConstraint("(state = 'sending') = (sending_until IS NOT NULL)", name="ck_deliveries_sending"),
        sa.CheckConstraint("state <> 'deferred' OR retry_time IS NOT NULL", name="ck_deliveries_deferred"),
        sa.CheckConstraint("provider <> ''", name="ck_deliveries_provider"),
    )
    op.create_index("ix_deliveries_create_time", "deliveries", ["create_time", "delivery_id"])


def downgrade() -> None:
    op.drop_table("deliveries")
