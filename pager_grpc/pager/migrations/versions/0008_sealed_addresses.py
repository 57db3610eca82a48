"""Addresses are stored sealed, and pages know their recipients by a keyed hash. Code that cannot open them must stop.

What was stored plain is read all the same.
"""

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.fence import require_code_that_knows

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_UNCLAIMED = "state = 'waiting' AND bundle_id IS NULL AND attempts = 0"


def upgrade() -> None:
    op.add_column("notifications", sa.Column("recipient", sa.Text(), nullable=True))
    _index_again(["recipient"])
    require_code_that_knows(int(revision))


def downgrade() -> None:
    """Older code opens no address: pages that wait must have ended before, and its incidents must be resolved."""
    require_code_that_knows(7)
    _index_again(["channel", "address"])
    op.drop_column("notifications", "recipient")


def _index_again(columns: list[str]) -> None:
    op.drop_index("ix_notifications_unclaimed", table_name="notifications")
    condition = sa.text(_UNCLAIMED)
    op.create_index(
        "ix_notifications_unclaimed", "notifications", columns, sqlite_where=condition, postgresql_where=condition
    )
