"""What the rules promise the database refuses to break: checks, guards, one firing a level; who may use the schema."""

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.fence import create_schema_version, drop_schema_version
from pager_grpc.runtime.guards import Guard, create_guards, drop_guards

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SEVERITY = "severity IN ('critical', 'error', 'warning', 'info')"
_NAMES_LEVELS = "coalesce(policy ->> 'levels', '[]') <> '[]'"
_CHECKS = {
    "incidents": {
        "ck_incidents_severity": _SEVERITY,
        "ck_incidents_generation": "generation >= 1 AND policy_since_cycle >= 1",
        "ck_incidents_begun": "(cycle = 0) = (level = 0) AND (policy IS NULL) = (level = 0)",
        "ck_incidents_policy": f"policy IS NULL OR {_NAMES_LEVELS}",
        "ck_incidents_exhausted": "NOT exhausted OR (level >= 1 AND next_escalation_at IS NULL)",
        "ck_incidents_acknowledged_at": "(acknowledged_at IS NULL) = (acknowledged_by = '')",
        "ck_incidents_resolved_at": "(state = 'resolved') = (resolved_at IS NOT NULL)",
    },
    "notifications": {
        "ck_notifications_severity": _SEVERITY,
        "ck_notifications_level": "cycle >= 1 AND level >= 1",
        "ck_notifications_address": "target_id <> '' AND address <> ''",
        "ck_notifications_attempts": "lost_claims <= attempts AND (NOT held OR attempts >= 1)",
        "ck_notifications_waiting": "state <> 'waiting' OR settled_at IS NULL",
        "ck_notifications_held": "state = 'waiting' OR NOT held",
    },
    "last_known_policies": {"ck_last_known_policies_policy": _NAMES_LEVELS},
}
_UNRESOLVED = (
    "EXISTS (SELECT 1 FROM incidents AS i WHERE i.monitored_service_id = OLD.monitored_service_id"
    " AND i.incident_id = OLD.incident_id AND i.state <> 'resolved')"
)
_HAS_PAGES = (
    "EXISTS (SELECT 1 FROM notifications AS n WHERE n.monitored_service_id = OLD.monitored_service_id"
    " AND n.incident_id = OLD.incident_id)"
)
_PAGE = ["monitored_service_id", "notification_id", "incident_id", "cycle", "level", "target_id", "channel", "address"]
_GUARDS = (
    Guard(
        "gd_incidents_answers_stand",
        "incidents",
        "UPDATE",
        "(OLD.state = 'resolved' AND NEW.state <> 'resolved') OR (OLD.state = 'acknowledged' AND NEW.state = 'open')",
    ),
    Guard(
        "gd_incidents_answered_stops",
        "incidents",
        "UPDATE",
        "OLD.state <> 'open' AND (NEW.cycle <> OLD.cycle OR NEW.level <> OLD.level)",
    ),
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
    Guard(
        "gd_notifications_ends_stand",
        "notifications",
        "UPDATE",
        "OLD.state <> 'waiting' AND (NEW.state <> OLD.state OR NEW.settled_at <> OLD.settled_at)",
    ),
    Guard("gd_notifications_attempts_grow", "notifications", "UPDATE", "NEW.attempts < OLD.attempts"),
    Guard(
        "gd_notifications_same_page",
        "notifications",
        "UPDATE",
        " OR ".join(f"NEW.{column} <> OLD.{column}" for column in _PAGE),
    ),
    Guard("gd_notifications_kept", "notifications", "DELETE", f"OLD.state = 'waiting' OR {_UNRESOLVED}"),
    Guard("gd_incident_events_written_once", "incident_events", "UPDATE"),
    Guard("gd_incident_events_kept", "incident_events", "DELETE", _UNRESOLVED),
    Guard("gd_request_answers_written_once", "request_answers", "UPDATE"),
    Guard("gd_monitored_services_kept", "monitored_services", "DELETE", "OLD.incident_id IS NOT NULL"),
)
_FENCED = ("incidents", "notifications")
_FIRED = sa.text("kind IN ('LevelNotified', 'LevelSkipped')")


def upgrade() -> None:
    for table, checks in _CHECKS.items():
        with op.batch_alter_table(table) as batch:
            for name, condition in checks.items():
                batch.create_check_constraint(name, condition)
    op.create_index(
        "uq_incident_events_level",
        "incident_events",
        ["monitored_service_id", "incident_id", sa.text("(document ->> 'cycle')"), sa.text("(document ->> 'level')")],
        unique=True,
        postgresql_where=_FIRED,
        sqlite_where=_FIRED,
    )
    create_guards(*_GUARDS)
    create_schema_version(*_FENCED)


def downgrade() -> None:
    drop_schema_version(*_FENCED)
    drop_guards(*_GUARDS)
    op.drop_index("uq_incident_events_level", "incident_events")
    for table, checks in _CHECKS.items():
        with op.batch_alter_table(table) as batch:
            for name in checks:
                batch.drop_constraint(name, type_="check")
