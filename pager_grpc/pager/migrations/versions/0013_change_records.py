"""What was changed of the configuration is recorded, and a record neither changes nor goes."""

from pager_grpc.changes.schema import create_change_records, drop_change_records

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_change_records()


def downgrade() -> None:
    drop_change_records()
