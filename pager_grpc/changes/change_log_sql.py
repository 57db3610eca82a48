"""Change records on SQLite or PostgreSQL: written within the transactions of others, read page by page."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.changes.model import Attribution, Change, ChangeRecord, ObjectKind, RecordId
from pager_domain.changes.ports.change_log import AskedChanges, ChangeLog
from pager_grpc.changes.attribution import current_attribution
from pager_grpc.changes.tables import change_records_table
from pager_grpc.runtime.bulk import insert_rows
from pager_grpc.runtime.columns import as_document, moment_of
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import Row, fetch

_TABLE = change_records_table(sa.MetaData())
_NEWEST = """
SELECT record_id, recorded_at, principal, method, request_id, object_kind, object_id, before, after FROM change_records
WHERE {conditions} ORDER BY record_id DESC LIMIT :limit
"""


async def record(database: Database, connection: AsyncConnection, changes: Sequence[Change]) -> None:
    """Keeps ``changes`` in the transaction of ``connection``, in their order, as those of the present call."""
    said = current_attribution()
    rows = [
        {
            "principal": said.principal,
            "method": said.method,
            "request_id": said.request_id,
            "object_kind": change.kind.value,
            "object_id": change.object_id,
            "before": change.before,
            "after": change.after,
        }
        for change in changes
    ]
    if database.is_sqlite:
        now = database.clock.now()
        await insert_rows(connection, _TABLE, [row | {"recorded_at": now} for row in rows])
    else:
        await insert_rows(connection, _TABLE, rows, computed=(("recorded_at", database.now_sql),))


class SqlChangeLog(ChangeLog):
    """The records of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest(self, asked: AskedChanges, limit: int, before: RecordId | None) -> list[ChangeRecord]:
        """One statement, along the index of the object or of the ids."""
        binds: dict[str, Any] = {"limit": limit}
        conditions = ["true"]
        for column, value in (("object_kind", asked.kind), ("object_id", asked.object_id)):
            if value is not None:
                conditions.append(f"{column} = :{column}")
                binds[column] = str(value)
        if asked.since is not None:
            conditions.append("recorded_at >= :since")
            binds["since"] = self._database.moment_bind(asked.since)
        if before is not None:
            conditions.append("record_id < :before")
            binds["before"] = before
        async with self._database.snapshot() as connection:
            found = await fetch(connection, _NEWEST.format(conditions=" AND ".join(conditions)), binds)
        return [_record_of(row) for row in found]


def _record_of(row: Row) -> ChangeRecord:
    kind, object_id = ObjectKind(row["object_kind"]), row["object_id"]
    return ChangeRecord(
        record_id=RecordId(row["record_id"]),
        recorded_at=moment_of(row["recorded_at"]),
        attribution=Attribution(row["principal"], row["method"], row["request_id"]),
        change=Change(kind, object_id, as_document(row["before"]), as_document(row["after"])),
    )
