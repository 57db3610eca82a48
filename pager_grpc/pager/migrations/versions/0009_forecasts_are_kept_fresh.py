"""Last known policies are asked for again when they are an hour old, and written when they say something new."""

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.columns import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLE = "last_known_policies"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("ask_at", UtcDateTime, nullable=True))
    op.add_column(_TABLE, sa.Column("fingerprint", sa.Text(), nullable=True))
    op.execute(f"UPDATE {_TABLE} SET ask_at = learnt_at")
    op.create_index("ix_last_known_policies_ask_at", _TABLE, ["ask_at"])
    op.create_index("ix_last_known_policies_learnt_at", _TABLE, ["learnt_at"])


def downgrade() -> None:
    op.drop_index("ix_last_known_policies_learnt_at", _TABLE)
    op.drop_index("ix_last_known_policies_ask_at", _TABLE)
    op.drop_column(_TABLE, "fingerprint")
    op.drop_column(_TABLE, "ask_at")
