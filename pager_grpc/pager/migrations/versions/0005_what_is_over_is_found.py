"""Indexes of when things ended, for forgetting them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ENDED = {"incidents": "resolved_at", "bundles": "settled_at"}


def upgrade() -> None:
    for table, column in _ENDED.items():
        condition = sa.text(f"{column} IS NOT NULL")
        op.create_index(f"ix_{table}_{column}", table, [column], sqlite_where=condition, postgresql_where=condition)
    op.create_index("ix_request_answers_created_at", "request_answers", ["created_at"])


def downgrade() -> None:
    op.drop_index("ix_request_answers_created_at", "request_answers")
    for table, column in _ENDED.items():
        op.drop_index(f"ix_{table}_{column}", table)
