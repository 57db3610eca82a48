"""Forbidden writes by plain SQL, past all rules: what a database refuses, and under which name."""

from collections.abc import Iterable

from sqlalchemy import CheckConstraint, Connection, MetaData, Table, inspect, text
from sqlalchemy.exc import IntegrityError

from pager_grpc.runtime.database import Database

Attack = tuple[str, str]
"""The name of a check, guard or index, and statements split by ``;``: the last one is what it must refuse."""

_RECORD = (
    "INSERT INTO change_records (recorded_at, principal, method, request_id, object_kind, object_id, before, after)"
    " VALUES ('2026-05-01 12:00:00+00:00', 'anonymous', '', '', 'person', 'ana', NULL, '{}')"
)
CHANGE_ATTACKS: list[Attack] = [
    ("ck_change_records_something", _RECORD.replace("'{}'", "NULL")),
    ("gd_change_records_written_once", f"{_RECORD}; UPDATE change_records SET principal = 'nobody'"),
    ("gd_change_records_kept", f"{_RECORD}; DELETE FROM change_records"),
]
"""What every room's record of changes refuses."""


def copied(table: Table, **changed: str) -> str:
    """The statement that inserts another row like the first one, with these expressions in place of its values."""
    names = [column.name for column in table.columns]
    values = ", ".join(changed.get(name, name) for name in names)
    return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {values} FROM {table.name} LIMIT 1"


async def not_refused(database: Database, attacks: Iterable[Attack]) -> list[str]:
    """The attacks that succeed, or that something else stops; nothing of them stays."""
    survivors = []
    for name, script in attacks:
        *before, attack = script.split(";")
        async with database.unit() as unit:
            for statement in before:
                await unit.connection.execute(text(statement))
            try:
                await unit.connection.execute(text(attack))
                survivors.append(f"{name} allows: {attack}")
            except IntegrityError as refusal:
                if name not in str(refusal.orig):
                    survivors.append(f"{name} is not what refuses: {attack}: {refusal.orig}")
    return survivors


def refusals_of(connection: Connection) -> set[str]:
    """The names of all checks and guards that the database has."""
    found = inspect(connection)
    checks = {c["name"] for table in found.get_table_names() for c in found.get_check_constraints(table)}
    if connection.dialect.name == "sqlite":
        triggers = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
    else:
        triggers = connection.execute(text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"))
    return {name for name in checks if name} | {name for name in triggers.scalars() if name.startswith("gd_")}


def checks_out_of_step(connection: Connection, metadata: MetaData) -> list[str]:
    """The checks that the models and the database do not have alike; only SQLite keeps their words."""
    found = inspect(connection)
    worded = connection.dialect.name == "sqlite"
    known = {(str(c.name), _words(c.sqltext) if worded else "") for c in _checks_of(metadata)}
    stored = {
        (str(c["name"]), _words(c["sqltext"]) if worded else "")
        for table in metadata.tables
        for c in found.get_check_constraints(table)
    }
    return sorted(f"{name}: {words}" for name, words in known ^ stored)


def _checks_of(metadata: MetaData) -> Iterable[CheckConstraint]:
    return (c for t in metadata.tables.values() for c in t.constraints if isinstance(c, CheckConstraint))


def _words(condition: object) -> str:
    return " ".join(str(condition).split())
