"""Pages know their severity and how many leases in a row were lost; what is due is found most severe first."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_WAITING = sa.text("state = 'waiting'")
_DUE = sa.text("next_escalation_at IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("notifications") as table:
        table.add_column(sa.Column("severity", sa.Text(), nullable=False, server_default="critical"))
        table.add_column(sa.Column("lost_claims", sa.Integer(), nullable=False, server_default="0"))
        table.create_check_constraint("ck_notifications_lost_claims", "lost_claims >= 0")
    _index("ix_notifications_due", "notifications", ["severity", "due_at"], _WAITING)
    _index("ix_incidents_due", "incidents", ["severity", "next_escalation_at"], _DUE)


def downgrade() -> None:
    _index("ix_incidents_due", "incidents", ["next_escalation_at"], _DUE)
    _index("ix_notifications_due", "notifications", ["due_at"], _WAITING)
    with op.batch_alter_table("notifications") as table:
        table.drop_constraint("ck_notifications_lost_claims", type_="check")
        table.drop_column("lost_claims")
        table.drop_column("severity")


def _index(name: str, table: str, columns: list[str], where: sa.TextClause) -> None:
    op.drop_index(name, table_name=table)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)
