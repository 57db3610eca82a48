"""The roster of people and schedules on SQLite or PostgreSQL: its part of the policy store and of its transactions."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.policy.people import PEOPLE, PersonId
from pager_domain.policy.ports.roster_store import NamedBy, RosterReads, RosterStore, RosterUnitOfWork
from pager_domain.policy.recording import Recording
from pager_domain.policy.revisions import Definition, Kind, Record, Revisioned, Standing
from pager_domain.policy.schedule_changes import naming_of
from pager_domain.policy.schedules import SCHEDULES, Schedule
from pager_grpc.policy.person_documents import person_document, person_in
from pager_grpc.policy.schedule_documents import schedule_document, schedule_in
from pager_grpc.policy.tables import ROSTER_ENTRIES, ROSTER_REVISIONS
from pager_grpc.runtime.bulk import insert_rows, upsert_rows
from pager_grpc.runtime.columns import as_document, moment_of
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import Binds, Row, as_rows, change, fetch, is_one_of, is_sqlite

D = TypeVar("D", bound=Definition)
R = TypeVar("R", bound=Revisioned[Any])


@dataclass(frozen=True, slots=True)
class _Documents:
    of: Callable[[Any], dict[str, Any]]
    read: Callable[[str, dict[str, Any]], Any]


_DOCUMENTS: Final = {
    PEOPLE.name: _Documents(person_document, person_in),
    SCHEDULES.name: _Documents(schedule_document, schedule_in),
}

_NEWEST = """
SELECT r.entry_id, r.revision, r.create_time, r.update_time, r.document
FROM roster_entries e
JOIN roster_revisions r ON r.kind = e.kind AND r.entry_id = e.entry_id AND r.revision = e.revision
WHERE e.kind = :kind AND NOT e.ended AND {condition}
ORDER BY e.entry_id
"""
_AT = """
SELECT r.entry_id, r.revision, r.create_time, r.update_time, r.document
FROM {asked}
JOIN roster_revisions r ON r.kind = :kind AND r.entry_id = listed.entry_id
WHERE r.revision = (
    SELECT max(x.revision) FROM roster_revisions x
    WHERE x.kind = :kind AND x.entry_id = listed.entry_id AND x.update_time <= :moment
) AND (r.end_time IS NULL OR r.end_time > :moment)
"""
# A revision stands until the next one is made, or until its entry ends while it stands.
_BETWEEN = """
SELECT * FROM (
    SELECT r.entry_id, r.revision, r.create_time, r.update_time, r.document, coalesce(
        r.end_time, lead(r.update_time) OVER (PARTITION BY r.entry_id ORDER BY r.revision)
    ) AS until_time
    FROM {asked}
    JOIN roster_revisions r ON r.kind = :kind AND r.entry_id = listed.entry_id
) stood
WHERE stood.update_time < :end_moment AND (stood.until_time IS NULL OR stood.until_time > :start_moment)
ORDER BY stood.entry_id, stood.revision
"""
_LAST_REVISION = "SELECT revision FROM roster_entries WHERE kind = :kind AND entry_id = :entry_id"
_HOLD = "SELECT entry_id FROM roster_entries WHERE kind = :kind AND {condition} ORDER BY entry_id FOR SHARE"
_END = (
    "UPDATE roster_entries SET ended = true WHERE kind = :kind AND entry_id = :entry_id",
    """
    UPDATE roster_revisions SET end_time = :now WHERE kind = :kind AND entry_id = :entry_id AND revision = (
        SELECT e.revision FROM roster_entries e WHERE e.kind = :kind AND e.entry_id = :entry_id
    )
    """,
)
# The document of a schedule lists everybody whom it names.
_SQLITE_NAMES = "EXISTS (SELECT 1 FROM json_each(r.document, '$.people') WHERE value = :person_id)"
_POSTGRES_NAMES = "r.document -> 'people' @> to_jsonb(CAST(:person_id AS text))"


class SqlRosterReads(RosterReads):
    """What is read on one connection, in whatever transaction it is."""

    def __init__(self, database: Database, connection: AsyncConnection) -> None:
        self._database = database
        self._connection = connection

    async def newest_entries(self, kind: Kind[D, R], entry_ids: Collection[str]) -> dict[str, R]:
        """One statement."""
        return await _newest_of(self._connection, kind, entry_ids)

    async def entries_at(self, kind: Kind[D, R], entry_ids: Collection[str], moment: datetime) -> dict[str, R]:
        """One statement."""
        return await _at(self._database, self._connection, kind, entry_ids, moment)

    async def entries_between(
        self, kind: Kind[D, R], entry_ids: Collection[str], start: datetime, end: datetime
    ) -> dict[str, list[Standing[R]]]:
        """One statement."""
        return await _between(self._database, self._connection, kind, entry_ids, (start, end))


class SqlRosterUnitOfWork(SqlRosterReads, RosterUnitOfWork):
    """The roster's part of one transaction on one connection; ``recording`` tells what it changes."""

    def __init__(self, database: Database, connection: AsyncConnection) -> None:
        super().__init__(database, connection)
        self.recording = Recording()

    async def lock_entry(self, kind: Kind[D, R], entry_id: str) -> Record[D, R]:
        """Two statements: the second one sees what was committed while the first one waited."""
        statement = _LAST_REVISION + ("" if is_sqlite(self._connection) else " FOR UPDATE")
        found = await fetch(self._connection, statement, {"kind": kind.name, "entry_id": entry_id})
        if not found:
            return Record(kind, entry_id)
        live = (await self.newest_entries(kind, [entry_id])).get(entry_id)
        self.recording.found(kind, entry_id, live)
        return Record(kind, entry_id, found[0]["revision"], live)

    async def hold_entries(self, kind: Kind[D, R], entry_ids: Collection[str]) -> dict[str, R]:
        """Two statements, as ``lock_entry``; in the order of the ids, so that nobody meets in a deadlock."""
        if not is_sqlite(self._connection):
            condition, binds = is_one_of(self._connection, "entry_id", entry_ids)
            await fetch(self._connection, _HOLD.format(condition=condition), binds | {"kind": kind.name})
        return await self.newest_entries(kind, entry_ids)

    async def save_entry(self, kind: Kind[D, R], entry: R) -> None:
        """The row and its new revision, whose key two writers cannot both have."""
        key = {"kind": kind.name, "entry_id": entry.entry_id, "revision": entry.revision}
        document = _DOCUMENTS[kind.name].of(entry.definition)
        moments = {"create_time": entry.create_time, "update_time": entry.update_time}
        await upsert_rows(self._connection, ROSTER_ENTRIES, [key | {"ended": False}])
        await insert_rows(self._connection, ROSTER_REVISIONS, [key | moments | {"document": document}])
        self.recording.became(kind, entry.entry_id, entry)

    async def end_entry(self, kind: Kind[D, R], entry_id: str, now: datetime) -> None:
        """The row stays, so that its revisions are counted on."""
        key = {"kind": kind.name, "entry_id": entry_id}
        entry, revision = _END
        await change(self._connection, entry, key)
        await change(self._connection, revision, key | {"now": self._database.moment_bind(now)})
        self.recording.became(kind, entry_id, None)

    async def named_by(self, kind: Kind[D, R], entry_id: str) -> NamedBy | None:
        """The schedules that name a person: a statement for each, up to the first one of which that still counts."""
        if kind.name != PEOPLE.name:
            return None
        now, after = await self._database.now(self._connection), ""
        while (schedule := await self._next_naming(entry_id, after)) is not None:
            if (place := naming_of(schedule.definition, PersonId(entry_id), now)) is not None:
                return NamedBy(SCHEDULES.name, schedule.schedule_id, place)
            after = schedule.schedule_id
        return None

    async def _next_naming(self, person_id: str, after: str) -> Schedule | None:
        condition = f"e.entry_id > :after AND {names_person(self._connection)}"
        binds = {"person_id": person_id, "after": after}
        found = await _newest(self._connection, SCHEDULES, condition, binds, "LIMIT 1")
        return found[0] if found else None


class SqlRosterStore(RosterStore):
    """Reads, each in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest_entries(self, kind: Kind[D, R], entry_ids: Collection[str]) -> dict[str, R]:
        """One statement."""
        async with self._database.snapshot() as connection:
            return await _newest_of(connection, kind, entry_ids)

    async def entries_at(self, kind: Kind[D, R], entry_ids: Collection[str], moment: datetime) -> dict[str, R]:
        """One statement."""
        async with self._database.snapshot() as connection:
            return await _at(self._database, connection, kind, entry_ids, moment)

    async def entries_between(
        self, kind: Kind[D, R], entry_ids: Collection[str], start: datetime, end: datetime
    ) -> dict[str, list[Standing[R]]]:
        """One statement."""
        async with self._database.snapshot() as connection:
            return await _between(self._database, connection, kind, entry_ids, (start, end))

    async def entries(self, kind: Kind[D, R], after: str | None, limit: int) -> list[R]:
        """No id is empty, so the empty text stands before the first one."""
        binds = {"after": after or "", "limit": limit}
        async with self._database.snapshot() as connection:
            return await _newest(connection, kind, "e.entry_id > :after", binds, "LIMIT :limit")


def names_person(connection: AsyncConnection) -> str:
    """The condition that a schedule's revision, ``r``, names the person of the bind ``person_id``."""
    return _SQLITE_NAMES if is_sqlite(connection) else _POSTGRES_NAMES


async def _newest_of(connection: AsyncConnection, kind: Kind[D, R], entry_ids: Collection[str]) -> dict[str, R]:
    if not entry_ids:
        return {}
    condition, binds = is_one_of(connection, "e.entry_id", entry_ids)
    return {entry.entry_id: entry for entry in await _newest(connection, kind, condition, binds)}


async def _newest(
    connection: AsyncConnection, kind: Kind[D, R], condition: str, binds: Binds, tail: str = ""
) -> list[R]:
    rows = await fetch(connection, _NEWEST.format(condition=condition) + tail, binds | {"kind": kind.name})
    return read_entries(kind, rows)


async def _at(
    database: Database, connection: AsyncConnection, kind: Kind[D, R], entry_ids: Collection[str], moment: datetime
) -> dict[str, R]:
    asked, binds = as_rows(connection, "entry_id", set(entry_ids))
    binds |= {"kind": kind.name, "moment": database.moment_bind(moment)}
    rows = await fetch(connection, _AT.format(asked=asked), binds)
    return {entry.entry_id: entry for entry in read_entries(kind, rows)}


async def _between(
    database: Database,
    connection: AsyncConnection,
    kind: Kind[D, R],
    entry_ids: Collection[str],
    span: tuple[datetime, datetime],
) -> dict[str, list[Standing[R]]]:
    asked, binds = as_rows(connection, "entry_id", set(entry_ids))
    start, end = map(database.moment_bind, span)
    binds |= {"kind": kind.name, "start_moment": start, "end_moment": end}
    rows = await fetch(connection, _BETWEEN.format(asked=asked), binds)
    found: dict[str, list[Standing[R]]] = {}
    for entry, row in zip(read_entries(kind, rows), rows, strict=True):
        until = moment_of(row["until_time"]) if row["until_time"] is not None else None
        found.setdefault(entry.entry_id, []).append(Standing(entry, until))
    return found


def read_entries(kind: Kind[D, R], rows: Sequence[Row]) -> list[R]:
    """The revisions in ``rows``, which hold entry_id, revision, create_time, update_time and document."""
    read = _DOCUMENTS[kind.name].read
    return [
        kind.made(
            read(row["entry_id"], as_document(row["document"])),
            row["revision"],
            moment_of(row["create_time"]),
            moment_of(row["update_time"]),
        )
        for row in rows
    ]
