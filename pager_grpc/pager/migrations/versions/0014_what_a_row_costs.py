"""The same checks and guards, cheaper; code that knows the schema before does not see a difference.

SQLite makes a table of an IN with three or more values, anew for every row that is checked: comparisons cost nothing of
the kind. A guard of columns that an UPDATE does not set need not be asked. On PostgreSQL rows that are changed soon
have room to be changed in place.
"""

from dataclasses import replace

from alembic import op

from pager_grpc.runtime.guards import Guard, create_guards, drop_guards

revision = "0014"
down_revision = "0013"
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
_PAGE = (
    *("monitored_service_id", "incident_id", "cycle", "level", "target_id", "channel", "notification_id", "address"),
    *("person_id", "contact_method_id", "step"),
)
# SQLite makes the tables anew, and forgets the triggers that name them.
_KNOWN_GUARDS = (
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
# Each with the columns of which one at least must change for it to refuse.
_NEW_GUARDS = (
    Guard(
        "gd_incidents_levels_rise",
        "incidents",
        "UPDATE",
        "NEW.cycle < OLD.cycle OR NEW.cycle > OLD.cycle + 1 OR (NEW.cycle = OLD.cycle AND NEW.level < OLD.level)",
        columns=("cycle", "level"),
    ),
    Guard(
        "gd_incidents_answers_stand",
        "incidents",
        "UPDATE",
        "(OLD.state = 'resolved' AND NEW.state <> 'resolved' AND OLD.reopen_until IS NULL)"
        " OR (OLD.state = 'acknowledged' AND NEW.state = 'open' AND NEW.acknowledged_by <> '')",
        columns=("state",),
    ),
    Guard(
        "gd_incidents_answered_stops",
        "incidents",
        "UPDATE",
        f"(OLD.state = 'resolved' OR (OLD.state = 'acknowledged' AND NEW.state <> 'open')) AND {_MOVES}",
        columns=("cycle", "level"),
    ),
    Guard(
        "gd_notifications_ends_stand",
        "notifications",
        "UPDATE",
        "OLD.state <> 'waiting' AND (NEW.state <> OLD.state OR NEW.settled_at <> OLD.settled_at)",
        columns=("state", "settled_at"),
    ),
    Guard(
        "gd_notifications_attempts_grow",
        "notifications",
        "UPDATE",
        "NEW.attempts < OLD.attempts",
        columns=("attempts",),
    ),
    Guard(
        "gd_notifications_bundle_stands",
        "notifications",
        "UPDATE",
        "OLD.state <> 'waiting' AND coalesce(NEW.bundle_id, '') <> coalesce(OLD.bundle_id, '')",
        columns=("bundle_id",),
    ),
    Guard(
        "gd_notifications_same_page",
        "notifications",
        "UPDATE",
        " OR ".join(f"NEW.{column} <> OLD.{column}" for column in _PAGE),
        columns=_PAGE,
    ),
    Guard(
        "gd_notifications_never_later",
        "notifications",
        "UPDATE",
        "coalesce(NEW.owed_at, NEW.created_at) > coalesce(OLD.owed_at, OLD.created_at)",
        columns=("owed_at", "created_at"),
    ),
)
_OLD_GUARDS = tuple(replace(guard, columns=()) for guard in _NEW_GUARDS)
_SEVERITIES = ("critical", "error", "warning", "info")
_VALUES = {
    "incidents": {"state": ("open", "acknowledged", "resolved"), "severity": _SEVERITIES},
    "notifications": {
        "state": ("waiting", "handed_off", "merged", "undeliverable", "cancelled", "in_doubt"),
        "severity": _SEVERITIES,
    },
}
_ROOM = {"monitored_services": 50, "incidents": 85}
"""How full PostgreSQL makes the pages of a table: a service is begun and changed by the same transaction."""


def upgrade() -> None:
    drop_guards(*_KNOWN_GUARDS, *_OLD_GUARDS)
    if _on_sqlite():
        _check(compared=True)
    else:
        for table, percent in _ROOM.items():
            op.execute(f"ALTER TABLE {table} SET (fillfactor = {percent})")
    create_guards(*_KNOWN_GUARDS, *_NEW_GUARDS)


def downgrade() -> None:
    drop_guards(*_KNOWN_GUARDS, *_NEW_GUARDS)
    if _on_sqlite():
        _check(compared=False)
    else:
        for table in _ROOM:
            op.execute(f"ALTER TABLE {table} RESET (fillfactor)")
    create_guards(*_KNOWN_GUARDS, *_OLD_GUARDS)


def _check(*, compared: bool) -> None:
    for name, columns in _VALUES.items():
        with op.batch_alter_table(name) as table:
            for column, values in columns.items():
                table.drop_constraint(f"ck_{name}_{column}", type_="check")
                table.create_check_constraint(f"ck_{name}_{column}", _is_one_of(column, values, compared=compared))


def _is_one_of(column: str, values: tuple[str, ...], *, compared: bool) -> str:
    if compared:
        return " OR ".join(f"{column} = '{value}'" for value in values)
    return f"{column} IN {values}"  # a tuple of words is written as SQL writes a list of them


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
