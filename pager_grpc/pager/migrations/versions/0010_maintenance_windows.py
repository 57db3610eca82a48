"""Maintenance windows. Code that knows none would page while one lasts: it must stop."""

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.columns import IdText, JsonDocument, UtcDateTime
from pager_grpc.runtime.fence import fence, require_code_that_knows, unfence

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "maintenance_windows",
        sa.Column("window_id", IdText, primary_key=True),
        sa.Column("document", JsonDocument, nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("next_start_at", UtcDateTime, nullable=True),
        sa.Column("over_at", UtcDateTime, nullable=True),
        sa.Column("deleted_at", UtcDateTime, nullable=True),
        sa.CheckConstraint("deleted_at IS NULL OR next_start_at IS NULL", name="ck_maintenance_windows_deleted"),
    )
    op.create_table(
        "maintenance_window_services",
        sa.Column("monitored_service_id", IdText, primary_key=True),
        sa.Column("window_id", IdText, primary_key=True),
        sqlite_with_rowid=False,
    )
    _index("ix_maintenance_windows_next_start_at", "next_start_at", "next_start_at IS NOT NULL", unique=False)
    _index("uq_maintenance_windows_request_id", "request_id", "request_id <> ''", unique=True)
    op.create_index("ix_maintenance_window_services_window_id", "maintenance_window_services", ["window_id"])
    fence("maintenance_windows")
    require_code_that_knows(10)


def downgrade() -> None:
    """What windows hold goes on when they would have ended."""
    require_code_that_knows(8)
    unfence("maintenance_windows")
    op.drop_table("maintenance_window_services")
    op.drop_table("maintenance_windows")


def _index(name: str, column: str, where: str, *, unique: bool) -> None:
    condition = sa.text(where)
    op.create_index(
        name, "maintenance_windows", [column], unique=unique, sqlite_where=condition, postgresql_where=condition
    )
