"""The API keys of this room. Code that knows none goes on as before."""

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.columns import IdText, JsonDocument, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("api_key_id", IdText, primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("monitored_services", JsonDocument, nullable=True),
        sa.Column("verbs", JsonDocument, nullable=True),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("create_time", UtcDateTime, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expire_time", UtcDateTime, nullable=True),
        sa.Column("revoke_time", UtcDateTime, nullable=True),
    )


def downgrade() -> None:
    op.drop_table("api_keys")
