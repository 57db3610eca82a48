"""The fence that PostgreSQL holds against outdated code. Migrations build it; what serves never imports this.

Triggers compare what each connection says that its code knows with the row of ``schema_version``; see
docs/decisions/0008.
"""

import sqlalchemy as sa
from alembic import op

from pager_grpc.runtime.schema_version import KNOWN_REVISION_SETTING, OUTDATED_CODE, schema_version_table

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
