"""What a question about policies needs, read in one snapshot on SQLite or PostgreSQL."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.kernel import MonitoredServiceId, PolicyId
from pager_domain.policy.directory import Directory, FoundPolicy, NewestPolicy, OnePerson, Subject
from pager_domain.policy.model import PolicyRevision
from pager_domain.policy.people import PersonId
from pager_domain.policy.ports.policy_store import PolicyReads
from pager_domain.policy.schedules import SCHEDULES, Schedule, ScheduleId
from pager_domain.policy.timetable import ScheduleAt
from pager_domain.policy.turns import PolicyLevel, Seat, Turns
from pager_grpc.policy.documents import found_policy_in
from pager_grpc.policy.roster_sql import SqlRosterReads, names_person, read_entries
from pager_grpc.policy.statements import Statements
from pager_grpc.policy.turns_sql import turns_of
from pager_grpc.runtime.columns import as_document, moment_of
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import Binds, fetch, is_sqlite

_SQLITE_ASKED = "(SELECT value ->> 0 AS entry_id, value ->> 1 AS moment FROM json_each(:asked)) AS a"
_POSTGRES_ASKED = "unnest(CAST(:entries AS text[]), CAST(:moments AS timestamptz[])) AS a(entry_id, moment)"
_STOOD = """
SELECT a.moment, r.entry_id, r.revision, r.create_time, r.update_time, r.document
FROM {asked}
JOIN roster_revisions r ON r.kind = :kind AND r.entry_id = a.entry_id
WHERE r.revision = (
    SELECT max(x.revision) FROM roster_revisions x
    WHERE x.kind = :kind AND x.entry_id = a.entry_id AND x.update_time <= a.moment
) AND (r.end_time IS NULL OR r.end_time > a.moment)
"""
# A revision stands until the next one is made, or until its entry ends while it stands.
_NAMING = """
SELECT DISTINCT e.entry_id
FROM roster_entries e
JOIN roster_revisions r ON r.kind = e.kind AND r.entry_id = e.entry_id
WHERE e.kind = :kind AND NOT e.ended
    AND r.update_time < :end_moment AND (r.end_time IS NULL OR r.end_time > :start_moment)
    AND NOT EXISTS (
        SELECT 1 FROM roster_revisions x
        WHERE x.kind = r.kind AND x.entry_id = r.entry_id AND x.revision = r.revision + 1
            AND x.update_time <= :start_moment
    )
    AND {names}
ORDER BY e.entry_id
"""


class SqlPolicyReads(SqlRosterReads, PolicyReads):
    """A constant number of statements, however many questions."""

    def __init__(self, database: Database, connection: AsyncConnection, statements: Statements) -> None:
        super().__init__(database, connection)
        self._statements = statements
        self._read_at: datetime | None = None

    async def now(self) -> datetime:
        """The clock that all replicas share, as it was when the directory was read, if it was."""
        if self._read_at is None:
            self._read_at = await self._database.now(self._connection)
        return self._read_at

    async def directory(self, subjects: Collection[Subject]) -> Directory:
        """One statement, whatever is asked."""
        services = [each for each in subjects if isinstance(each, str)]
        asked = [
            {"policy_id": each.policy_id, "revision": each.revision}
            for each in subjects
            if isinstance(each, PolicyRevision)
        ]
        policies = [each.policy_id for each in subjects if isinstance(each, NewestPolicy)]
        if all(isinstance(each, OnePerson) for each in subjects):
            return _directory_of([])
        binds = {
            "services": json.dumps(sorted(services)),
            "revisions": json.dumps(asked),
            "policies": json.dumps(sorted(policies)),
            **self._database.now_binds(),
        }
        found = await fetch(self._connection, self._statements.directory, binds)
        self._read_at = moment_of(found[0]["now"])
        return _directory_of(row for row in found if row["kind"] is not None)

    async def schedules_at(self, asked: Collection[ScheduleAt]) -> dict[ScheduleAt, Schedule]:
        """One statement for those that are asked for as they are, one for those as they were."""
        newest = {schedule_id for schedule_id, moment in asked if moment is None}
        past = [(schedule_id, moment) for schedule_id, moment in asked if moment is not None]
        found: dict[ScheduleAt, Schedule] = {}
        if newest:
            entries = await self.newest_entries(SCHEDULES, newest)
            found = {(ScheduleId(schedule_id), None): schedule for schedule_id, schedule in entries.items()}
        if past:
            found |= await self._stood(past)
        return found

    async def schedules_naming(self, person_id: PersonId, start: datetime, end: datetime) -> list[ScheduleId]:
        """One statement, which reads no document but its list of people."""
        moments = {
            "start_moment": self._database.moment_bind(start),
            "end_moment": self._database.moment_bind(end),
        }
        binds = {"kind": SCHEDULES.name, "person_id": person_id, **moments}
        rows = await fetch(self._connection, _NAMING.format(names=names_person(self._connection)), binds)
        return [ScheduleId(row["entry_id"]) for row in rows]

    async def turns(self, levels: Collection[PolicyLevel], seats: Collection[Seat]) -> Turns:
        """Two statements."""
        return await turns_of(self._connection, levels, seats)

    async def _stood(self, asked: Collection[tuple[ScheduleId, datetime]]) -> dict[ScheduleAt, Schedule]:
        table, binds = self._asked(asked)
        rows = await fetch(self._connection, _STOOD.format(asked=table), binds | {"kind": SCHEDULES.name})
        schedules = read_entries(SCHEDULES, rows)
        return {
            (schedule.schedule_id, moment_of(row["moment"])): schedule
            for row, schedule in zip(rows, schedules, strict=True)
        }

    def _asked(self, asked: Collection[tuple[ScheduleId, datetime]]) -> tuple[str, Binds]:
        entries = [schedule_id for schedule_id, _ in asked]
        moments = [self._database.moment_bind(moment) for _, moment in asked]
        if is_sqlite(self._connection):
            pairs = list(zip(entries, moments, strict=True))
            return _SQLITE_ASKED, {"asked": to_json(pairs).decode()}
        return _POSTGRES_ASKED, {"entries": entries, "moments": moments}


def _directory_of(rows: Iterable[Mapping[Any, Any]]) -> Directory:
    covering: dict[MonitoredServiceId, FoundPolicy] = {}
    revisions: dict[PolicyRevision, FoundPolicy] = {}
    newest: dict[PolicyId, FoundPolicy] = {}
    default, known = None, set()
    # In a storm a thousand services share a few policies: each is read out of its document once.
    found: dict[PolicyRevision, FoundPolicy] = {}
    for row in rows:
        key = PolicyRevision(row["policy_id"], row["revision"])
        if row["document"] is not None and key not in found:
            found[key] = found_policy_in(key.policy_id, key.revision, as_document(row["document"]))
        match row["kind"]:
            case "covering":
                covering[row["monitored_service_id"]] = found[key]
            case "default":
                default = found[key]
            case "newest":
                newest[key.policy_id] = found[key]
            case _:
                known.add(key.policy_id)
                if row["document"] is not None:
                    revisions[key] = found[key]
    return Directory(covering, default, revisions, frozenset(known), newest)
