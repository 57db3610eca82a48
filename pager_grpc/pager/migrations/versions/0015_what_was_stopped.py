"""A page that an answer stopped while a delivery held it is not tried again; older code goes by the incident alone."""

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.columns import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notifications", sa.Column("stopped_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("notifications", "stopped_at")
