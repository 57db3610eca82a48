"""Whom policies name, and whose turn it is where targets take turns."""

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.columns import UtcDateTime
from pager_grpc.runtime.fence import fence, unfence
from pager_grpc.runtime.guards import Guard, create_guards, drop_guards

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

IdText = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_FENCED = ("policy_targets", "round_robin_counters", "round_robin_turns")
_GUARDS = (
    Guard("gd_round_robin_counters_grow", "round_robin_counters", "UPDATE", "NEW.next_turn < OLD.next_turn"),
    Guard("gd_round_robin_turns_written_once", "round_robin_turns", "UPDATE"),
)


def upgrade() -> None:
    op.create_table(
        "policy_targets",
        sa.Column("kind", IdText, primary_key=True),
        sa.Column("entry_id", IdText, primary_key=True),
        sa.Column("policy_id", IdText, sa.ForeignKey("escalation_policies.policy_id"), primary_key=True),
        sa.ForeignKeyConstraint(["kind", "entry_id"], ["roster_entries.kind", "roster_entries.entry_id"]),
    )
    op.create_index("ix_policy_targets_policy_id", "policy_targets", ["policy_id"])
    op.create_table(
        "round_robin_counters",
        sa.Column("policy_id", IdText, sa.ForeignKey("escalation_policies.policy_id"), primary_key=True),
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("next_turn", sa.BigInteger, nullable=False),
        sa.CheckConstraint("level >= 1", name="ck_round_robin_counters_level"),
        sa.CheckConstraint("next_turn >= 0", name="ck_round_robin_counters_next_turn"),
    )
    op.create_table(
        "round_robin_turns",
        sa.Column("policy_id", IdText, primary_key=True),
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("incident_id", IdText, primary_key=True),
        sa.Column("turn", sa.BigInteger, nullable=False),
        sa.Column("create_time", UtcDateTime, nullable=False),
        sa.ForeignKeyConstraint(
            ["policy_id", "level"], ["round_robin_counters.policy_id", "round_robin_counters.level"]
        ),
        sa.CheckConstraint("turn >= 0", name="ck_round_robin_turns_turn"),
    )
    op.create_index("uq_round_robin_turns_turn", "round_robin_turns", ["policy_id", "level", "turn"], unique=True)
    op.create_index("ix_round_robin_turns_create_time", "round_robin_turns", ["create_time"])
    create_guards(*_GUARDS)
    fence(*_FENCED)


def downgrade() -> None:
    unfence(*_FENCED)
    drop_guards(*_GUARDS)
    op.drop_table("round_robin_turns")
    op.drop_table("round_robin_counters")
    op.drop_table("policy_targets")
