"""The same check and guard, cheaper; code that knows the schema before does not see a difference.

SQLite makes a table of an IN with three or more values, anew for every row that is checked: of what it took to write a
delivery twice that was the third.
"""

from dataclasses import replace

from alembic import op

from pager_grpc.runtime.guards import Guard, create_guards, drop_guards

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_STATES = ("sending", "accepted", "refused", "deferred", "in_doubt", "unknown")
_ENDS = ("accepted", "refused", "unknown")
_CHANGES_AN_END = "(NEW.state <> OLD.state OR NEW.attempt_count <> OLD.attempt_count)"
# SQLite makes the table anew, and forgets its triggers.
_KNOWN_GUARDS = (
    Guard(
        "gd_deliveries_counts_grow",
        "deliveries",
        "UPDATE",
        "NEW.fencing_token < OLD.fencing_token OR NEW.attempt_count < OLD.attempt_count"
        " OR NEW.doubt_count < OLD.doubt_count",
    ),
    Guard(
        "gd_deliveries_cut_off_is_doubt",
        "deliveries",
        "UPDATE",
        "OLD.state = 'sending' AND NEW.attempt_count > OLD.attempt_count AND NEW.doubt_count = OLD.doubt_count",
    ),
    Guard(
        "gd_deliveries_same_message",
        "deliveries",
        "UPDATE",
        "NEW.delivery_id <> OLD.delivery_id OR NEW.channel <> OLD.channel OR NEW.fingerprint <> OLD.fingerprint",
    ),
    Guard("gd_deliveries_kept", "deliveries", "DELETE", "OLD.state NOT IN ('accepted', 'refused', 'unknown')"),
)
_OLD_GUARD = Guard("gd_deliveries_ends_stand", "deliveries", "UPDATE", f"OLD.state IN {_ENDS} AND {_CHANGES_AN_END}")


def _is_one_of(column: str, values: tuple[str, ...]) -> str:
    return " OR ".join(f"{column} = '{value}'" for value in values)


_NEW_GUARD = replace(_OLD_GUARD, refused_if=f"({_is_one_of('OLD.state', _ENDS)}) AND {_CHANGES_AN_END}")


def upgrade() -> None:
    if _on_sqlite():
        drop_guards(*_KNOWN_GUARDS, _OLD_GUARD)
        _check(_is_one_of("state", _STATES))
        create_guards(*_KNOWN_GUARDS, _NEW_GUARD)


def downgrade() -> None:
    if _on_sqlite():
        drop_guards(*_KNOWN_GUARDS, _NEW_GUARD)
        _check(f"state IN {_STATES}")
        create_guards(*_KNOWN_GUARDS, _OLD_GUARD)


def _check(condition: str) -> None:
    with op.batch_alter_table("deliveries") as table:
        table.drop_constraint("ck_deliveries_state", type_="check")
        table.create_check_constraint("ck_deliveries_state", condition)


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"
