"""The keys of one room on SQLite or PostgreSQL."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.access.errors import ApiKeyExists, ApiKeyUnknown
from pager_domain.access.keys import ApiKey, ApiKeyId, Grant
from pager_domain.access.ports.api_keys import ApiKeys
from pager_domain.access.principal import Role, Verb
from pager_domain.changes.model import ObjectKind, change_between
from pager_domain.kernel import MonitoredServiceId
from pager_grpc.access.tables import api_keys_table
from pager_grpc.changes.change_log_sql import record
from pager_grpc.runtime.bulk import insert_rows
from pager_grpc.runtime.columns import as_document, as_moment, moment_of
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import Row, fetch

API_KEYS = api_keys_table(sa.MetaData())

_ONE = "SELECT * FROM api_keys WHERE api_key_id = :api_key_id"
_PAGE = "SELECT * FROM api_keys WHERE api_key_id > :after ORDER BY api_key_id LIMIT :limit"
_REVOKE = """
UPDATE api_keys SET revoke_time = CASE WHEN revoke_time < :at THEN revoke_time ELSE :at END
WHERE api_key_id = :api_key_id RETURNING *
"""


class SqlApiKeys(ApiKeys):
    """One row a key; the hash as hexadecimal text."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key_id: ApiKeyId) -> ApiKey | None:
        """By primary key."""
        async with self._database.snapshot() as connection:
            return await _one(connection, key_id)

    async def add(self, key: ApiKey) -> ApiKey:
        """Two that make one id at the same time see the same row."""

        async def work(connection: AsyncConnection) -> ApiKey | None:
            before = await _one(connection, key.key_id)
            await insert_rows(connection, API_KEYS, [_row_of(key)], or_skip=True)
            known = await _one(connection, key.key_id)
            if before is None and known == key:
                await self._record(connection, None, key)
            return known

        known = await self._database.atomically(work)
        if known is None or not known.is_same_as(key):
            raise ApiKeyExists(key.key_id)
        return known

    async def page(self, after: ApiKeyId | None, limit: int) -> list[ApiKey]:
        """By primary key."""
        async with self._database.snapshot() as connection:
            return [_key_of(row) for row in await fetch(connection, _PAGE, {"after": after or "", "limit": limit})]

    async def revoke(self, key_id: ApiKeyId, at: datetime) -> ApiKey:
        """One statement decides which moment is the earlier one."""
        binds = {"api_key_id": key_id, "at": self._database.moment_bind(at)}

        async def work(connection: AsyncConnection) -> ApiKey:
            before = await _one(connection, key_id)
            found = await fetch(connection, _REVOKE, binds)
            if not found:
                raise ApiKeyUnknown(key_id)
            await self._record(connection, before, after := _key_of(found[0]))
            return after

        return await self._database.atomically(work)

    async def _record(self, connection: AsyncConnection, before: ApiKey | None, after: ApiKey) -> None:
        change = change_between(ObjectKind.API_KEY, after.key_id, before, after)
        await record(self._database, connection, [change] if change is not None else [])


async def _one(connection: AsyncConnection, key_id: ApiKeyId) -> ApiKey | None:
    found = await fetch(connection, _ONE, {"api_key_id": key_id})
    return _key_of(found[0]) if found else None


def _row_of(key: ApiKey) -> dict[str, Any]:
    grant = key.grant
    return {
        "api_key_id": key.key_id,
        "name": key.name,
        "role": grant.role.value,
        "monitored_services": None if grant.monitored_services is None else sorted(grant.monitored_services),
        "verbs": None if grant.verbs is None else sorted(grant.verbs),
        "person_id": grant.person_id,
        "secret_hash": key.secret_hash.hex(),
        "create_time": key.created_at,
        "created_by": key.created_by,
        "expire_time": key.expires_at,
        "revoke_time": key.revoked_at,
    }


def _key_of(row: Row) -> ApiKey:
    services, verbs = as_document(row["monitored_services"]), as_document(row["verbs"])
    grant = Grant(
        Role(row["role"]),
        None if services is None else frozenset(map(MonitoredServiceId, services)),
        None if verbs is None else frozenset(map(Verb, verbs)),
        row["person_id"],
    )
    return ApiKey(
        ApiKeyId(row["api_key_id"]),
        row["name"],
        grant,
        bytes.fromhex(row["secret_hash"]),
        moment_of(row["create_time"]),
        row["created_by"],
        as_moment(row["expire_time"]),
        as_moment(row["revoke_time"]),
    )
