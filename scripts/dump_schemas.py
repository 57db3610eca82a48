"""`make schemas`: runs all migrations of each room on an empty SQLite file and writes the schema that came of it.

A fresh file begins with that (``pager_grpc/runtime/schema.py``).
"""

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate
from pager_grpc.runtime.schema import newest_sqlite


def rank(statement: str) -> tuple[bool, str]:
    """Tables and their rows as they come, then the rest by its text: the same file whoever runs this."""
    adds_to_tables = statement.startswith(("CREATE INDEX", "CREATE UNIQUE", "CREATE TRIGGER"))
    return adds_to_tables, statement if adds_to_tables else ""


def ordered_constraints(statement: str) -> str:
    """Alembic makes a table anew with its constraints in any order."""
    lines = [line.strip() for line in statement.splitlines() if line.strip()]
    if not statement.startswith("CREATE TABLE"):
        return "\n".join(lines)
    opening, *columns = [line for line in lines if not line.startswith(("CONSTRAINT", ")", "WITHOUT", ";"))]
    constraints = sorted(line.removesuffix(",") for line in lines if line.startswith("CONSTRAINT"))
    inside = ",\n".join(f"    {line.removesuffix(',')}" for line in [*columns, *constraints])
    closing = " ".join(line for line in lines if line.startswith((")", "WITHOUT", ";")))
    return f"{opening}\n{inside}\n{closing}".replace(" ;", ";")


async def dump(room: str) -> None:
    """One room."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.db"
        database = open_database(f"sqlite+aiosqlite:///{file}")
        revision = await migrate(database, room)
        await database.close()
        with closing(sqlite3.connect(file)) as connection:
            _transaction, *statements, _commit = connection.iterdump()
    ordered = [ordered_constraints(statement) for statement in sorted(statements, key=rank)]
    newest_sqlite(room).write_text("\n".join([f"-- Revision {revision} of {room}, by `make schemas`.", *ordered, ""]))
    print(f"{newest_sqlite(room)}: revision {revision}")


if __name__ == "__main__":
    for each in ("pager", "policy", "notifier"):
        asyncio.run(dump(each))
