"""What policies promise the database refuses to break: checks, guards; who may use the schema."""

from alembic import op

from pager_grpc.runtime.fence import create_schema_version, drop_schema_version
from pager_grpc.runtime.guards import Guard, create_guards, drop_guards

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_CHECKS = {
    "ck_policy_revisions_revision": "revision >= 1",
    "ck_policy_revisions_levels": "coalesce(document ->> 'levels', '[]') <> '[]'",
}
_GUARDS = (
    Guard("gd_escalation_policies_revision_grows", "escalation_policies", "UPDATE", "NEW.revision < OLD.revision"),
    Guard("gd_policy_revisions_written_once", "policy_revisions", "UPDATE"),
    Guard(
        "gd_policy_revisions_kept",
        "policy_revisions",
        "DELETE",
        "EXISTS (SELECT 1 FROM escalation_policies AS p WHERE p.policy_id = OLD.policy_id"
        " AND p.revision = OLD.revision AND NOT p.ended)",
    ),
)


def upgrade() -> None:
    with op.batch_alter_table("policy_revisions") as batch:
        for name, condition in _CHECKS.items():
            batch.create_check_constraint(name, condition)
    create_guards(*_GUARDS)
    create_schema_version("escalation_policies")


def downgrade() -> None:
    drop_schema_version("escalation_policies")
    drop_guards(*_GUARDS)
    with op.batch_alter_table("policy_revisions") as batch:
        for name in _CHECKS:
            batch.drop_constraint(name, type_="check")
