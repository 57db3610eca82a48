"""Which code may use a schema: one row that says from which revision on, and the fence that PostgreSQL holds with it.

Revisions of a room are counted 0001, 0002, …, and code *knows* the newest one that it ships. A migration that old code
can live with leaves the row alone (expand); one that it cannot live with names itself there (contract). Every
connection says what its code knows, and triggers refuse the writes of code that knows too little; see
docs/decisions/0008.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from alembic import op

KNOWN_REVISION_SETTING = "hexagonal_pager.known_revision"
OUTDATED_CODE = "ZP001"
"""The SQLSTATE of a write that the fence refuses."""

_FENCE = f"""
CREATE FUNCTION refuse_outdated_code() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    known integer := nullif(current_setting('{KNOWN_REVISION_SETTING}', true), '')::integer;
    needed integer := (SELECT needed_revision FROM schema_version);
BEGIN
    IF known < needed THEN
        RAISE EXCEPTION 'the schema is for code that knows revision %, this session knows %', needed, known
            USING ERRCODE = '{OUTDATED_CODE}';
    END IF;
    RETURN NULL;
END
$$
"""


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """Where a schema is, and the least that code must know to use it."""

    revision: int
    needed_revision: int

    def unusable_because(self, room: str, known: int) -> str:
        """Why code that knows the revisions up to ``known`` must not use it; empty if it may."""
        at = f"{room} database: schema is at revision {self.revision:04d}"
        if self.revision < known:
            return f"{at}, this version needs {known:04d}; run: pagerd migrate {room}"
        if self.needed_revision > known:
            return f"{at}, for versions that know {self.needed_revision:04d}; this one knows {known:04d}: upgrade it"
        return ""


def schema_version_table(metadata: sa.MetaData) -> sa.Table:
    """The table of the one row, for the metadata of a room."""
    return sa.Table(
        "schema_version",
        metadata,
        sa.Column("only_row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("needed_revision", sa.Integer, nullable=False),
        sa.CheckConstraint("only_row = 1", name="ck_schema_version_only_row"),
    )


def create_schema_version(*fenced: str) -> None:
    """Inside a migration: the row, open to all code there is, and the fence around the tables ``fenced``.

    Every writing transaction of the room must write one of them.
    """
    schema_version_table(sa.MetaData()).create(op.get_bind())
    op.execute("INSERT INTO schema_version VALUES (1, 1)")
    if op.get_bind().dialect.name == "sqlite":
        return  # one process at a time, which looks when it starts
    op.execute(_FENCE)
    fence(*fenced)


def drop_schema_version(*fenced: str) -> None:
    """Inside a migration: the opposite of :func:`create_schema_version`."""
    unfence(*fenced)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION refuse_outdated_code()")
    op.drop_table("schema_version")


def fence(*tables: str) -> None:
    """Inside a migration: more tables whose writes are refused to outdated code; on SQLite nothing is to be done."""
    if op.get_bind().dialect.name != "sqlite":
        for table in tables:
            op.execute(
                f"CREATE TRIGGER refuse_outdated_code BEFORE INSERT OR UPDATE OR DELETE ON {table}"
                " FOR EACH STATEMENT EXECUTE FUNCTION refuse_outdated_code()"
            )


def unfence(*tables: str) -> None:
    """Inside a migration: the opposite of :func:`fence`."""
    if op.get_bind().dialect.name != "sqlite":
        for table in tables:
            op.execute(f"DROP TRIGGER refuse_outdated_code ON {table}")


def require_code_that_knows(revision: int) -> None:
    """Inside a migration that older code cannot live with: from its commit on, older code pauses."""
    op.execute(sa.text("UPDATE schema_version SET needed_revision = :revision").bindparams(revision=revision))
