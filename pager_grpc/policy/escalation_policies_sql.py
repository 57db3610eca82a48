"""The policy store on SQLite or PostgreSQL."""

import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Row, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.errors import StoreUnavailable
from pager_domain.kernel import MonitoredServiceId, PolicyId
from pager_domain.policy.model import (
    POLICIES,
    Coverage,
    Directory,
    EscalationPolicy,
    PolicyDefinition,
    PolicyRecord,
    PolicyRevision,
    ResolvedEscalation,
    Subject,
)
from pager_domain.policy.ports.policy_store import PolicyStore, PolicyUnitOfWork
from pager_domain.policy.revisions import Record
from pager_grpc.policy.contact_verifications_sql import SqlVerificationUnitOfWork
from pager_grpc.policy.documents import document_of, levels_in
from pager_grpc.policy.roster_sql import SqlRosterStore, SqlRosterUnitOfWork
from pager_grpc.policy.statements import COVERED, DEFAULT_POLICY, Statements, statements_for
from pager_grpc.policy.tables import ESCALATION_POLICIES, POLICY_COVERAGE, POLICY_REVISIONS
from pager_grpc.runtime.bulk import insert_rows, upsert_rows
from pager_grpc.runtime.columns import as_document, moment_of
from pager_grpc.runtime.database import Database

T = TypeVar("T")

_RACES = 5
_UNIQUE_VIOLATION = "23505"


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
        return Record(POLICIES, policy_id, last_revision or 0, _policy_of(found) if found is not None else None)

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

    async def end(self, policy_id: PolicyId, now: datetime) -> None:
        """The row stays, so that its revisions are counted on."""
        ended = {"ended": True, "default_policy": False, "update_time": now}
        row = ESCALATION_POLICIES.c.policy_id == policy_id
        await self._connection.execute(update(ESCALATION_POLICIES).where(row).values(ended))
        await self._cover(policy_id, set())

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
        self._statements = statements_for(sqlite=database.is_sqlite)

    async def atomically(self, work: Callable[[PolicyUnitOfWork], Awaitable[T]]) -> T:
        """Runs ``work`` again when a key was taken since it looked: then its rules see by whom."""
        for _ in range(_RACES):
            try:
                return await self._database.retrying(partial(self._once, work))
            except IntegrityError as error:
                if getattr(error.orig, "sqlstate", None) != _UNIQUE_VIOLATION:
                    raise
                lost = error
        raise StoreUnavailable from lost

    async def policy(self, policy_id: PolicyId) -> EscalationPolicy | None:
        """One row, or none."""
        rows = await self._read(self._statements.policy, {"policy_id": policy_id})
        return _policy_of(rows[0]) if rows else None

    async def policies(self, after: PolicyId | None, limit: int) -> list[EscalationPolicy]:
        """No id is empty, so the empty text stands before the first one."""
        rows = await self._read(self._statements.policies, {"after": after or "", "limit": limit})
        return [_policy_of(row) for row in rows]

    async def directory(self, subjects: Sequence[Subject]) -> Directory:
        """One statement, whatever is asked."""
        revisions = {s for s in subjects if isinstance(s, PolicyRevision)}
        services = {s for s in subjects if not isinstance(s, PolicyRevision)}
        asked = [{"policy_id": r.policy_id, "revision": r.revision} for r in revisions]
        rows = await self._read(
            self._statements.directory, {"services": _json(sorted(services)), "revisions": json.dumps(asked)}
        )
        return _directory_of(rows)

    async def _once(self, work: Callable[[PolicyUnitOfWork], Awaitable[T]]) -> T:
        async with self._database.begin() as connection:
            return await work(SqlPolicyUnitOfWork(self._database, connection, self._statements))

    async def _read(self, statement: Any, binds: dict[str, Any]) -> Sequence[Row[Any]]:
        async with self._database.snapshot() as connection:
            return (await connection.execute(statement, binds)).all()


def _policy_of(row: Row[Any]) -> EscalationPolicy:
    document = as_document(row.document)
    definition = PolicyDefinition(
        policy_id=row.policy_id,
        levels=levels_in(document),
        display_name=document["display_name"],
        repeat_count=document["repeat_count"],
        monitored_service_ids=tuple(as_document(row.services) or ()),
        default_policy=bool(row.default_policy),
    )
    return EscalationPolicy(definition, row.revision, moment_of(row.create_time), moment_of(row.update_time))


def _directory_of(rows: Iterable[Row[Any]]) -> Directory:
    covering: dict[MonitoredServiceId, ResolvedEscalation] = {}
    revisions: dict[PolicyRevision, ResolvedEscalation] = {}
    default, known = None, set()
    # In a storm a thousand services share a few policies: each is read out of its document once.
    answers: dict[PolicyRevision, ResolvedEscalation] = {}
    for row in rows:
        key = PolicyRevision(row.policy_id, row.revision)
        if row.document is not None and key not in answers:
            answers[key] = _answer_of(key, as_document(row.document))
        if row.kind == "covering":
            covering[row.monitored_service_id] = answers[key]
        elif row.kind == "default":
            default = answers[key]
        else:
            known.add(key.policy_id)
            if row.document is not None:
                revisions[key] = answers[key]
    return Directory(covering, default, revisions, frozenset(known))


def _answer_of(key: PolicyRevision, document: dict[str, Any]) -> ResolvedEscalation:
    return ResolvedEscalation(key.policy_id, key.revision, levels_in(document), document["repeat_count"])


def _json(values: Collection[str]) -> str:
    return json.dumps(list(values))
