"""What the life of a delivery promises the database refuses to break: checks, guards; who may use the schema."""

from alembic import op

from pager_grpc.runtime.fence import create_schema_version, drop_schema_version
from pager_grpc.runtime.guards import Guard, create_guards, drop_guards

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CHECKS = {
    "ck_deliveries_attempted": "attempt_count >= 1 AND fencing_token >= 0",
    "ck_deliveries_fingerprint": "delivery_id <> '' AND fingerprint <> ''",
}
_GUARDS = (
    Guard(
        "gd_deliveries_ends_stand",
        "deliveries",
        "UPDATE",
        "OLD.state IN ('accepted', 'refused', 'unknown') AND"
        " (NEW.state <> OLD.state OR NEW.attempt_count <> OLD.attempt_count)",
    ),
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


def upgrade() -> None:
    with op.batch_alter_table("deliveries") as batch:
        for name, condition in _CHECKS.items():
            batch.create_check_constraint(name, condition)
    create_guards(*_GUARDS)
    create_schema_version("deliveries")


def downgrade() -> None:
    drop_schema_version("deliveries")
    drop_guards(*_GUARDS)
    with op.batch_alter_table("deliveries") as batch:
        for name in _CHECKS:
            batch.drop_constraint(name, type_="check")
