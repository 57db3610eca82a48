"""The policy store on SQLite or PostgreSQL."""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Row, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.kernel import MonitoredServiceId, PolicyId
from pager_domain.policy.levels import people_in, schedules_in
from pager_domain.policy.model import POLICIES, Coverage, EscalationPolicy, PolicyDefinition, PolicyRecord
from pager_domain.policy.people import PEOPLE
from pager_domain.policy.ports.policy_store import PolicyReads, PolicyStore, PolicyUnitOfWork
from pager_domain.policy.ports.roster_store import NamedBy
from pager_domain.policy.revisions import Definition, Kind, Record, Revisioned
from pager_domain.policy.schedules import SCHEDULES
from pager_domain.policy.turns import PolicyLevel, Seat, Turns
from pager_grpc.changes.change_log_sql import record
from pager_grpc.policy import turns_sql
from pager_grpc.policy.contact_verifications_sql import SqlVerificationUnitOfWork
from pager_grpc.policy.documents import definition_in, document_of
from pager_grpc.policy.first_look_sql import FirstLook, MoreIsAsked
from pager_grpc.policy.policy_reads_sql import SqlPolicyReads
from pager_grpc.policy.roster_sql import SqlRosterStore, SqlRosterUnitOfWork
from pager_grpc.policy.statements import COVERED, DEFAULT_POLICY, NAMING_POLICY, UNNAME, Statements, statements_for
from pager_grpc.policy.tables import ESCALATION_POLICIES, POLICY_COVERAGE, POLICY_REVISIONS, POLICY_TARGETS
from pager_grpc.runtime.bulk import insert_rows, upsert_rows
from pager_grpc.runtime.columns import as_document, moment_of
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.database_errors import again_when_taken

T = TypeVar("T")
D = TypeVar("D", bound=Definition)
R = TypeVar("R", bound=Revisioned[Any])


class SqlPolicyUnitOfWork(SqlRosterUnitOfWork, SqlVerificationUnitOfWork, PolicyUnitOfWork):
    """One transaction on one connection."""

    def __init__(self, database: Database, connection: AsyncConnection, statements: Statements) -> None:
        super().__init__(database, connection)
        self._statements = statements

    async def now(self) -> datetime:
        """The database's clock on PostgreSQL, the process's on SQLite."""
        found = await self._connection.execute(text(f"SELECT {self._database.now_sql}"), self._database.now_binds())
        return moment_of(found.scalar_one())

    async def lock(self, policy_id: PolicyId) -> PolicyRecord:
        """Two statements: the second one sees what was committed while the first one waited."""
        asked = {"policy_id": policy_id}
        last_revision = (await self._connection.execute(self._statements.lock, asked)).scalar_one_or_none()
        found = (await self._connection.execute(self._statements.policy, asked)).one_or_none()
        live = _policy_of(found) if found is not None else None
        self.recording.found(POLICIES, policy_id, live)
        return Record(POLICIES, policy_id, last_revision or 0, live)

    async def coverage(self, services: Collection[MonitoredServiceId]) -> Coverage:
        """Who has what, as committed now."""
        found = await self._connection.execute(self._statements.coverage, {"services": _json(services)})
        covered_by = {MonitoredServiceId(service): PolicyId(policy_id) for service, policy_id in found}
        default = (await self._connection.execute(DEFAULT_POLICY)).scalar_one_or_none()
        return Coverage(covered_by, default)

    async def save(self, policy: EscalationPolicy) -> None:
        """The row, its new revision, and the services that have come or gone."""
        row = {
            "policy_id": policy.policy_id,
            "revision": policy.revision,
            "default_policy": policy.definition.default_policy,
            "ended": False,
            "create_time": policy.create_time,
            "update_time": policy.update_time,
        }
        document = document_of(policy.definition)
        revision = {"policy_id": policy.policy_id, "revision": policy.revision, "document": document}
        await upsert_rows(self._connection, ESCALATION_POLICIES, [row])
        await insert_rows(self._connection, POLICY_REVISIONS, [revision])
        await self._cover(policy.policy_id, set(policy.definition.monitored_service_ids))
        await self._name(policy.policy_id, _names(policy.definition))
        self.recording.became(POLICIES, policy.policy_id, policy)

    async def release(self, policy_ids: Collection[PolicyId]) -> None:
        """Two statements."""
        for statement in self._statements.release:
            await self._connection.execute(statement, {"policies": _json(policy_ids)})

    async def end(self, policy_id: PolicyId, now: datetime) -> None:
        """The row stays, so that its revisions are counted on."""
        ended = {"ended": True, "default_policy": False, "update_time": now}
        row = ESCALATION_POLICIES.c.policy_id == policy_id
        await self._connection.execute(update(ESCALATION_POLICIES).where(row).values(ended))
        await self._cover(policy_id, set())
        await self._name(policy_id, [])
        self.recording.became(POLICIES, policy_id, None)

    async def named_by(self, kind: Kind[D, R], entry_id: str) -> NamedBy | None:
        """A schedule, else the first live policy."""
        if (named := await super().named_by(kind, entry_id)) is not None:
            return named
        found = await self._connection.execute(NAMING_POLICY, {"kind": kind.name, "entry_id": entry_id})
        policy_id = found.scalar_one_or_none()
        return NamedBy(POLICIES.name, policy_id) if policy_id is not None else None

    async def lock_turns(self, levels: Collection[PolicyLevel], seats: Collection[Seat]) -> Turns:
        """Three statements."""
        return await turns_sql.lock_turns(self._connection, levels, seats)

    async def save_turns(self, given: Mapping[Seat, int], upcoming: Mapping[PolicyLevel, int], now: datetime) -> None:
        """Two statements."""
        await turns_sql.save_turns(self._connection, given, upcoming, now)

    async def forget_turns(self, before: datetime, limit: int) -> int:
        """One statement."""
        return await turns_sql.forget_turns(self._database, self._connection, before, limit)

    async def _name(self, policy_id: PolicyId, names: list[dict[str, str]]) -> None:
        """Whom the policy names from now on, so that nobody who is named can be ended."""
        await self._connection.execute(UNNAME, {"policy_id": policy_id})
        await insert_rows(self._connection, POLICY_TARGETS, [name | {"policy_id": policy_id} for name in names])

    async def _cover(self, policy_id: PolicyId, services: set[MonitoredServiceId]) -> None:
        found = await self._connection.execute(COVERED, {"policy_id": policy_id})
        covered = set(found.scalars())
        if gone := covered - services:
            await self._connection.execute(
                self._statements.uncover, {"policy_id": policy_id, "services": _json(sorted(gone))}
            )
        # Sorted, so that racing writers wait for each other instead of meeting in a deadlock.
        come = [{"monitored_service_id": service, "policy_id": policy_id} for service in sorted(services - covered)]
        await insert_rows(self._connection, POLICY_COVERAGE, come)


class SqlPolicyStore(SqlRosterStore, PolicyStore):
    """Policies in tables; the rules that must hold under races are keys and indexes of the tables."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._statements = statements_for(sqlite=database.is_sqlite, now_sql=database.now_sql)

    async def atomically(self, work: Callable[[PolicyUnitOfWork], Awaitable[T]]) -> T:
        """Runs ``work`` again when a key was taken since it looked: then its rules see by whom."""
        return await again_when_taken(partial(self._database.retrying, partial(self._once, work)))

    async def policy(self, policy_id: PolicyId) -> EscalationPolicy | None:
        """One row, or none."""
        rows = await self._read(self._statements.policy, {"policy_id": policy_id})
        return _policy_of(rows[0]) if rows else None

    async def policies(self, after: PolicyId | None, limit: int) -> list[EscalationPolicy]:
        """No id is empty, so the empty text stands before the first one."""
        rows = await self._read(self._statements.policies, {"after": after or "", "limit": limit})
        return [_policy_of(row) for row in rows]

    async def reading(self, work: Callable[[PolicyReads], Awaitable[T]]) -> T:
        """One statement, which is a snapshot of its own; where more is asked, a transaction that is one.

        On SQLite a transaction costs no round trips, and saves a second reading.
        """
        if not self._database.is_sqlite:
            with suppress(MoreIsAsked):
                async with self._database.glance() as connection:
                    return await work(FirstLook(self._database, connection, self._statements))
        async with self._database.snapshot() as connection:
            return await work(SqlPolicyReads(self._database, connection, self._statements))

    async def _once(self, work: Callable[[PolicyUnitOfWork], Awaitable[T]]) -> T:
        async with self._database.begin() as connection:
            unit = SqlPolicyUnitOfWork(self._database, connection, self._statements)
            result = await work(unit)
            await record(self._database, connection, unit.recording.changes)
            return result

    async def _read(self, statement: Any, binds: dict[str, Any]) -> Sequence[Row[Any]]:
        async with self._database.snapshot() as connection:
            return (await connection.execute(statement, binds)).all()


def _policy_of(row: Row[Any]) -> EscalationPolicy:
    document = as_document(row.document)
    definition = definition_in(
        row.policy_id,
        document,
        monitored_service_ids=tuple(as_document(row.services) or ()),
        default_policy=bool(row.default_policy),
    )
    return EscalationPolicy(definition, row.revision, moment_of(row.create_time), moment_of(row.update_time))


def _names(definition: PolicyDefinition) -> list[dict[str, str]]:
    people, schedules = sorted(people_in(definition.levels)), sorted(schedules_in(definition.levels))
    return [
        *({"kind": PEOPLE.name, "entry_id": person} for person in people),
        *({"kind": SCHEDULES.name, "entry_id": schedule} for schedule in schedules),
    ]


def _json(values: Collection[str]) -> str:
    return json.dumps(list(values))
