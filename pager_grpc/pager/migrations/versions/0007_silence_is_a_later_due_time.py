"""Incidents are held, reopened and given to others. Code that knows none of it would page too soon: it must stop."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.columns import IdText, UtcDateTime
from pager_grpc.runtime.fence import require_code_that_knows
from pager_grpc.runtime.guards import Guard, create_guards, drop_guards

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_UNRESOLVED = (
    "EXISTS (SELECT 1 FROM incidents AS i WHERE i.monitored_service_id = OLD.monitored_service_id"
    " AND i.incident_id = OLD.incident_id AND i.state <> 'resolved')"
)
_HAS_PAGES = (
    "EXISTS (SELECT 1 FROM notifications AS n WHERE n.monitored_service_id = OLD.monitored_service_id"
    " AND n.incident_id = OLD.incident_id)"
)
_MOVES = "(NEW.cycle <> OLD.cycle OR NEW.level <> OLD.level)"
# As in 0003, 0004 and 0006: SQLite makes the table of incidents anew, and forgets the triggers that name it.
_KNOWN_GUARDS = (
    Guard(
        "gd_incidents_levels_rise",
        "incidents",
        "UPDATE",
        "NEW.cycle < OLD.cycle OR NEW.cycle > OLD.cycle + 1 OR (NEW.cycle = OLD.cycle AND NEW.level < OLD.level)",
    ),
    Guard(
        "gd_incidents_counts_grow",
        "incidents",
        "UPDATE",
        "NEW.generation < OLD.generation OR NEW.event_count < OLD.event_count OR NEW.alert_count < OLD.alert_count"
        " OR (NEW.generation = OLD.generation AND"
        " (NEW.state <> OLD.state OR NEW.cycle <> OLD.cycle OR NEW.level <> OLD.level))",
    ),
    Guard("gd_incidents_kept", "incidents", "DELETE", f"OLD.state <> 'resolved' OR {_HAS_PAGES}"),
    Guard("gd_notifications_kept", "notifications", "DELETE", f"OLD.state = 'waiting' OR {_UNRESOLVED}"),
    Guard("gd_incident_events_kept", "incident_events", "DELETE", _UNRESOLVED),
)
_OLD_GUARDS = (
    Guard(
        "gd_incidents_answers_stand",
        "incidents",
        "UPDATE",
        "(OLD.state = 'resolved' AND NEW.state <> 'resolved') OR (OLD.state = 'acknowledged' AND NEW.state = 'open')",
    ),
    Guard("gd_incidents_answered_stops", "incidents", "UPDATE", f"OLD.state <> 'open' AND {_MOVES}"),
)
_NEW_GUARDS = (
    # An acknowledgement ends together with its person; what is resolved is reopened only where that was allowed.
    Guard(
        "gd_incidents_answers_stand",
        "incidents",
        "UPDATE",
        "(OLD.state = 'resolved' AND NEW.state <> 'resolved' AND OLD.reopen_until IS NULL)"
        " OR (OLD.state = 'acknowledged' AND NEW.state = 'open' AND NEW.acknowledged_by <> '')",
    ),
    Guard(
        "gd_incidents_answered_stops",
        "incidents",
        "UPDATE",
        f"(OLD.state = 'resolved' OR (OLD.state = 'acknowledged' AND NEW.state <> 'open')) AND {_MOVES}",
    ),
)
_QUIET = ("ck_incidents_answered_is_quiet", "state = 'open' OR next_escalation_at IS NULL")
_NEW_CHECKS = {
    "ck_incidents_resolved_is_quiet": "state <> 'resolved' OR next_escalation_at IS NULL",
    "ck_incidents_held": ("held_until IS NULL OR (next_escalation_at IS NOT NULL AND next_escalation_at = held_until)"),
    "ck_incidents_held_by_window": "held_by_window IS NULL OR held_until IS NOT NULL",
    "ck_incidents_assigned_to": "assigned_to IS NULL OR assigned_to LIKE 'policy/_%' OR assigned_to LIKE 'person/_%'",
    "ck_incidents_reopen_until": "reopen_until IS NULL OR state = 'resolved'",
}
_COLUMNS: dict[str, Any] = {
    "held_until": UtcDateTime,
    "held_by_window": IdText,
    "assigned_to": sa.Text,
    "reopen_until": UtcDateTime,
}


def upgrade() -> None:
    drop_guards(*_KNOWN_GUARDS, *_OLD_GUARDS)
    with op.batch_alter_table("incidents") as table:
        for name, kind in _COLUMNS.items():
            table.add_column(sa.Column(name, kind, nullable=True))
        table.drop_constraint(_QUIET[0], type_="check")
        for name, condition in _NEW_CHECKS.items():
            table.create_check_constraint(name, condition)
    held = sa.text("held_by_window IS NOT NULL")
    op.create_index(
        "ix_incidents_held_by_window",
        "incidents",
        ["held_by_window"],
        sqlite_where=held,
        postgresql_where=held,
    )
    op.add_column("monitored_services", sa.Column("reopen_incident_id", IdText, nullable=True))
    create_guards(*_KNOWN_GUARDS, *_NEW_GUARDS)
    require_code_that_knows(7)


def downgrade() -> None:
    """Held incidents go on at once, acknowledgements that would expire stand for ever, assignments are forgotten."""
    require_code_that_knows(6)
    drop_guards(*_KNOWN_GUARDS, *_NEW_GUARDS)
    op.execute("UPDATE incidents SET next_escalation_at = NULL, held_until = NULL WHERE state = 'acknowledged'")
    op.drop_index("ix_incidents_held_by_window", "incidents")
    with op.batch_alter_table("incidents") as table:
        for name in _NEW_CHECKS:
            table.drop_constraint(name, type_="check")
        table.create_check_constraint(*_QUIET)
        for name in _COLUMNS:
            table.drop_column(name)
    op.drop_column("monitored_services", "reopen_incident_id")
    create_guards(*_KNOWN_GUARDS, *_OLD_GUARDS)
