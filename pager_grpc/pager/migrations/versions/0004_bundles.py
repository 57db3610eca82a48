"""In a storm pages go together, in bundles. Code that knows none would send their pages again: it must stop."""

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.columns import IdText, UtcDateTime
from pager_grpc.runtime.fence import fence, require_code_that_knows, unfence
from pager_grpc.runtime.guards import Guard, create_guards, drop_guards

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATES = "'waiting', 'handed_off', 'undeliverable', 'cancelled', 'in_doubt'"
_PAGE_STATES = "'waiting', 'handed_off', 'merged', 'undeliverable', 'cancelled', 'in_doubt'"
_WAITING = "state = 'waiting'"
_OWED = f"{_WAITING} AND bundle_id IS NULL"
_SEVERITY = "most_severe IN ('critical', 'error', 'warning', 'info')"
_UNRESOLVED = (
    "EXISTS (SELECT 1 FROM incidents AS i WHERE i.monitored_service_id = OLD.monitored_service_id"
    " AND i.incident_id = OLD.incident_id AND i.state <> 'resolved')"
)
_HAS_PAGES = (
    "EXISTS (SELECT 1 FROM notifications AS n WHERE n.monitored_service_id = OLD.monitored_service_id"
    " AND n.incident_id = OLD.incident_id)"
)
_ENDED_AND_CHANGES = "OLD.state <> 'waiting' AND (NEW.state <> OLD.state OR NEW.settled_at <> OLD.settled_at)"
_PAGE = ["monitored_service_id", "notification_id", "incident_id", "cycle", "level", "target_id", "channel", "address"]
# As in 0003: SQLite makes the table of pages anew, and forgets the triggers that name it.
_KNOWN_GUARDS = (
    Guard("gd_incidents_kept", "incidents", "DELETE", f"OLD.state <> 'resolved' OR {_HAS_PAGES}"),
    Guard("gd_notifications_ends_stand", "notifications", "UPDATE", _ENDED_AND_CHANGES),
    Guard("gd_notifications_attempts_grow", "notifications", "UPDATE", "NEW.attempts < OLD.attempts"),
    Guard(
        "gd_notifications_same_page",
        "notifications",
        "UPDATE",
        " OR ".join(f"NEW.{column} <> OLD.{column}" for column in _PAGE),
    ),
    Guard("gd_notifications_kept", "notifications", "DELETE", f"OLD.state = 'waiting' OR {_UNRESOLVED}"),
)
_NEW_GUARDS = (
    Guard(
        "gd_notifications_bundle_stands",
        "notifications",
        "UPDATE",
        "OLD.state <> 'waiting' AND coalesce(NEW.bundle_id, '') <> coalesce(OLD.bundle_id, '')",
    ),
    Guard("gd_bundles_ends_stand", "bundles", "UPDATE", _ENDED_AND_CHANGES),
    Guard("gd_bundles_attempts_grow", "bundles", "UPDATE", "NEW.attempts < OLD.attempts"),
    Guard("gd_bundles_same_message", "bundles", "UPDATE", "NEW.subject <> OLD.subject OR NEW.body <> OLD.body"),
    Guard("gd_bundles_kept", "bundles", "DELETE", "OLD.state = 'waiting'"),
)


def upgrade() -> None:
    _create_tables()
    drop_guards(*_KNOWN_GUARDS)
    op.drop_index("ix_notifications_due", table_name="notifications")
    with op.batch_alter_table("notifications") as table:
        table.add_column(sa.Column("bundle_id", IdText, nullable=True))
        table.create_foreign_key("fk_notifications_bundle", "bundles", ["bundle_id"], ["bundle_id"])
        table.drop_constraint("ck_notifications_state", type_="check")
        table.create_check_constraint("ck_notifications_state", f"state IN ({_PAGE_STATES})")
        table.create_check_constraint("ck_notifications_merged", "state <> 'merged' OR bundle_id IS NOT NULL")
        table.create_check_constraint("ck_notifications_bundled", "bundle_id IS NULL OR held OR state <> 'waiting'")
    _index("ix_notifications_due", "notifications", ["severity", "due_at"], _OWED)
    _index("ix_notifications_unclaimed", "notifications", ["channel", "address"], f"{_OWED} AND attempts = 0")
    _index("ix_notifications_bundle", "notifications", ["bundle_id"], "bundle_id IS NOT NULL")
    create_guards(*_KNOWN_GUARDS, *_NEW_GUARDS)
    fence("bundles")
    require_code_that_knows(4)


def downgrade() -> None:
    """Pages that wait in a bundle are owed alone again, and may come twice: let bundles end before."""
    require_code_that_knows(1)
    unfence("bundles")
    drop_guards(*_KNOWN_GUARDS, *_NEW_GUARDS)
    for name in ("ix_notifications_bundle", "ix_notifications_unclaimed", "ix_notifications_due"):
        op.drop_index(name, table_name="notifications")
    op.execute("UPDATE notifications SET state = 'handed_off' WHERE state = 'merged'")
    with op.batch_alter_table("notifications") as table:
        for name in ("ck_notifications_bundled", "ck_notifications_merged", "ck_notifications_state"):
            table.drop_constraint(name, type_="check")
        table.create_check_constraint("ck_notifications_state", f"state IN ({_STATES})")
        table.drop_constraint("fk_notifications_bundle", type_="foreignkey")
        table.drop_column("bundle_id")
    _index("ix_notifications_due", "notifications", ["severity", "due_at"], _WAITING)
    create_guards(*_KNOWN_GUARDS)
    op.drop_table("recipients")
    op.drop_table("bundles")


def _create_tables() -> None:
    op.create_table(
        "bundles",
        sa.Column("bundle_id", IdText, primary_key=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("lost_claims", sa.Integer(), nullable=False),
        sa.Column("due_at", UtcDateTime, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("settled_at", UtcDateTime, nullable=True),
        sa.Column("last_reason", sa.Text(), nullable=False),
        sa.CheckConstraint(f"state IN ({_STATES}, 'dissolved')", name="ck_bundles_state"),
        sa.CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="ck_bundles_settled_at"),
        sa.CheckConstraint("state = 'waiting' OR NOT held", name="ck_bundles_held"),
        sa.CheckConstraint(
            "lost_claims >= 0 AND lost_claims <= attempts AND attempts >= 1", name="ck_bundles_attempts"
        ),
    )
    _index("ix_bundles_due", "bundles", ["due_at"], _WAITING)
    op.create_table(
        "recipients",
        sa.Column("recipient", IdText, primary_key=True),
        sa.Column("calm_at", UtcDateTime, nullable=False),
        sa.Column("most_severe", sa.Text(), nullable=False),
        sa.CheckConstraint(_SEVERITY, name="ck_recipients_most_severe"),
        sqlite_with_rowid=False,
    )


def _index(name: str, table: str, columns: list[str], where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=condition, postgresql_where=condition)
