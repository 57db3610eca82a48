"""A page has a person, a contact method, a step and its own time. Code that knows none mixes them up: it must stop."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.columns import IdText, UtcDateTime
from pager_grpc.runtime.fence import require_code_that_knows
from pager_grpc.runtime.guards import Guard, create_guards, drop_guards

revision = "0006"
down_revision = "0005"
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
_OLD_KEY = ["monitored_service_id", "incident_id", "cycle", "level", "target_id", "channel"]
_NEW_COLUMNS = ["person_id", "contact_method_id", "step"]
_OLD_PAGE = [*_OLD_KEY, "notification_id", "address"]


def _same_page(*columns: str) -> Guard:
    changes = " OR ".join(f"NEW.{column} <> OLD.{column}" for column in columns)
    return Guard("gd_notifications_same_page", "notifications", "UPDATE", changes)


# As in 0004: SQLite makes the table of pages anew, and forgets the triggers that name it.
_KNOWN_GUARDS = (
    Guard("gd_incidents_kept", "incidents", "DELETE", f"OLD.state <> 'resolved' OR {_HAS_PAGES}"),
    Guard(
        "gd_notifications_ends_stand",
        "notifications",
        "UPDATE",
        "OLD.state <> 'waiting' AND (NEW.state <> OLD.state OR NEW.settled_at <> OLD.settled_at)",
    ),
    Guard("gd_notifications_attempts_grow", "notifications", "UPDATE", "NEW.attempts < OLD.attempts"),
    Guard("gd_notifications_kept", "notifications", "DELETE", f"OLD.state = 'waiting' OR {_UNRESOLVED}"),
    Guard(
        "gd_notifications_bundle_stands",
        "notifications",
        "UPDATE",
        "OLD.state <> 'waiting' AND coalesce(NEW.bundle_id, '') <> coalesce(OLD.bundle_id, '')",
    ),
)
_NEW_GUARDS = (
    _same_page(*_OLD_PAGE, *_NEW_COLUMNS),
    # The next page of a target may come sooner than planned, never later.
    Guard(
        "gd_notifications_never_later",
        "notifications",
        "UPDATE",
        "coalesce(NEW.owed_at, NEW.created_at) > coalesce(OLD.owed_at, OLD.created_at)",
    ),
)
_NAME_WITH_METHOD_AND_STEP = """
UPDATE notifications SET target_id = target_id || ' ' || person_id || ' ' || contact_method_id || ' ' || step
WHERE person_id <> '' OR contact_method_id <> '' OR step > 0
"""


def upgrade() -> None:
    drop_guards(*_KNOWN_GUARDS, _same_page(*_OLD_PAGE))
    with op.batch_alter_table("notifications") as table:
        table.add_column(sa.Column("person_id", IdText, nullable=False, server_default=""))
        table.add_column(sa.Column("contact_method_id", IdText, nullable=False, server_default=""))
        table.add_column(sa.Column("step", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("owed_at", UtcDateTime, nullable=True))
        table.drop_constraint("uq_notifications_page", type_="unique")
        table.create_unique_constraint("uq_notifications_page", [*_OLD_KEY, *_NEW_COLUMNS])
        table.create_check_constraint("ck_notifications_step", "step >= 0")
        table.create_check_constraint("ck_notifications_owed_at", "owed_at IS NULL OR owed_at >= created_at")
    create_guards(*_KNOWN_GUARDS, *_NEW_GUARDS)
    require_code_that_knows(6)


def downgrade() -> None:
    """No page is lost: those of one target are told apart by longer names. A policy keeps the first step of each."""
    require_code_that_knows(4)
    drop_guards(*_KNOWN_GUARDS, *_NEW_GUARDS)
    op.execute(_NAME_WITH_METHOD_AND_STEP)
    with op.batch_alter_table("notifications") as table:
        for name in ("ck_notifications_owed_at", "ck_notifications_step"):
            table.drop_constraint(name, type_="check")
        table.drop_constraint("uq_notifications_page", type_="unique")
        table.create_unique_constraint("uq_notifications_page", _OLD_KEY)
        for column in ("owed_at", *reversed(_NEW_COLUMNS)):
            table.drop_column(column)
    create_guards(*_KNOWN_GUARDS, _same_page(*_OLD_PAGE))
    for table_name, keys in (
        ("incidents", ("monitored_service_id", "incident_id")),
        ("last_known_policies", ("monitored_service_id",)),
    ):
        _write_policies_as_before(table_name, keys)


def _write_policies_as_before(table: str, keys: tuple[str, ...]) -> None:
    policy = "policy" if op.get_bind().dialect.name == "sqlite" else "CAST(policy AS text)"
    found = op.get_bind().execute(sa.text(f"SELECT {', '.join(keys)}, {policy} FROM {table} WHERE policy IS NOT NULL"))
    key = " AND ".join(f"{name} = :{name}" for name in keys)
    value = ":policy" if op.get_bind().dialect.name == "sqlite" else "CAST(:policy AS jsonb)"
    for *values, document in found.all():
        as_before = json.dumps(_as_before(json.loads(document)))
        binds = {**dict(zip(keys, values, strict=True)), "policy": as_before}
        op.execute(sa.text(f"UPDATE {table} SET policy = {value} WHERE {key}").bindparams(**binds))


def _as_before(policy: dict[str, Any]) -> dict[str, Any]:
    """One target an address: the first step of each rule of high urgency."""
    for level in policy["levels"]:
        if "targets" in level:
            firsts = [target["high_urgency_rule"]["steps"][0]["target"] for target in level["targets"]]
            level["targets"] = list({target["target_id"]: target for target in firsts}.values())
    return policy
