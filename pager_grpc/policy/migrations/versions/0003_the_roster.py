"""People and schedules with their revisions, and the codes that verify contact methods."""

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.columns import JsonDocument, UtcDateTime
from pager_grpc.runtime.fence import fence, unfence
from pager_grpc.runtime.guards import Guard, create_guards, drop_guards

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

IdText = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_FENCED = ("roster_entries", "contact_verifications")
_SAID = ("kind", "entry_id", "revision", "document", "create_time", "update_time")
_GUARDS = (
    Guard("gd_roster_entries_revision_grows", "roster_entries", "UPDATE", "NEW.revision < OLD.revision"),
    Guard(
        "gd_roster_revisions_written_once",
        "roster_revisions",
        "UPDATE",
        "OLD.end_time IS NOT NULL OR NEW.end_time IS NULL OR " + " OR ".join(f"NEW.{n} <> OLD.{n}" for n in _SAID),
    ),
    Guard(
        "gd_roster_revisions_kept",
        "roster_revisions",
        "DELETE",
        "EXISTS (SELECT 1 FROM roster_entries AS e WHERE e.kind = OLD.kind AND e.entry_id = OLD.entry_id"
        " AND e.revision = OLD.revision AND NOT e.ended)",
    ),
    Guard(
        "gd_contact_verifications_only_forward",
        "contact_verifications",
        "UPDATE",
        "NEW.generation < OLD.generation OR (NEW.generation = OLD.generation"
        " AND (NEW.wrong_tries < OLD.wrong_tries OR (OLD.used AND NOT NEW.used) OR NEW.code_hash <> OLD.code_hash"
        " OR NEW.address <> OLD.address OR NEW.expire_time <> OLD.expire_time))",
    ),
)


def upgrade() -> None:
    op.create_table(
        "roster_entries",
        sa.Column("kind", IdText, primary_key=True),
        sa.Column("entry_id", IdText, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.Boolean, nullable=False),
        sa.CheckConstraint("kind IN ('person', 'schedule')", name="ck_roster_entries_kind"),
        sa.CheckConstraint("revision >= 1", name="ck_roster_entries_revision"),
    )
    op.create_table(
        "roster_revisions",
        sa.Column("kind", IdText, primary_key=True),
        sa.Column("entry_id", IdText, primary_key=True),
        sa.Column("revision", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("document", JsonDocument, nullable=False),
        sa.Column("create_time", UtcDateTime, nullable=False),
        sa.Column("update_time", UtcDateTime, nullable=False),
        sa.Column("end_time", UtcDateTime),
        sa.ForeignKeyConstraint(["kind", "entry_id"], ["roster_entries.kind", "roster_entries.entry_id"]),
        sa.CheckConstraint("revision >= 1", name="ck_roster_revisions_revision"),
        sa.CheckConstraint(
            "kind <> 'schedule' OR coalesce(document ->> 'layers', '[]') <> '[]'", name="ck_roster_revisions_layers"
        ),
    )
    op.create_table(
        "contact_verifications",
        sa.Column("person_id", IdText, primary_key=True),
        sa.Column("contact_method_id", IdText, primary_key=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("salt", sa.Text, nullable=False),
        sa.Column("code_hash", sa.Text, nullable=False),
        sa.Column("wrong_tries", sa.Integer, nullable=False),
        sa.Column("used", sa.Boolean, nullable=False),
        sa.Column("create_time", UtcDateTime, nullable=False),
        sa.Column("expire_time", UtcDateTime, nullable=False),
        sa.Column("send_time", UtcDateTime),
        sa.CheckConstraint("generation >= 1", name="ck_contact_verifications_generation"),
        sa.CheckConstraint("wrong_tries BETWEEN 0 AND 5", name="ck_contact_verifications_wrong_tries"),
        sa.CheckConstraint("expire_time > create_time", name="ck_contact_verifications_expire_time"),
    )
    create_guards(*_GUARDS)
    fence(*_FENCED)


def downgrade() -> None:
    unfence(*_FENCED)
    drop_guards(*_GUARDS)
    op.drop_table("contact_verifications")
    op.drop_table("roster_revisions")
    op.drop_table("roster_entries")
