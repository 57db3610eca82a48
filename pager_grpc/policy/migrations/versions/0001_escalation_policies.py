"""Escalation policies, their revisions and the services they cover."""

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.columns import JsonDocument, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IdText = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "escalation_policies",
        sa.Column("policy_id", IdText, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("default_policy", sa.Boolean, nullable=False),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.Column("create_time", UtcDateTime, nullable=False),
        sa.Column("update_time", UtcDateTime, nullable=False),
        sa.CheckConstraint("revision >= 1", name="ck_escalation_policies_revision"),
        sa.CheckConstraint("NOT (ended AND default_policy)", name="ck_escalation_policies_ended_default"),
    )
    op.create_index(
        "uq_escalation_policies_default",
        "escalation_policies",
        ["default_policy"],
        unique=True,
        postgresql_where=sa.text("default_policy"),
        sqlite_where=sa.text("default_policy"),
    )
    op.create_table(
        "policy_revisions",
        sa.Column("policy_id", IdText, sa.ForeignKey("escalation_policies.policy_id"), primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("document", JsonDocument, nullable=False),
    )
    op.create_table(
        "policy_coverage",
        sa.Column("monitored_service_id", IdText, primary_key=True),
        sa.Column("policy_id", IdText, sa.ForeignKey("escalation_policies.policy_id"), nullable=False),
    )
    op.create_index("ix_policy_coverage_policy_id", "policy_coverage", ["policy_id"])


def downgrade() -> None:
    op.drop_table("policy_coverage")
    op.drop_table("policy_revisions")
    op.drop_table("escalation_policies")
