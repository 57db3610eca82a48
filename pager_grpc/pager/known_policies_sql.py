"""The last known policies on SQLite and PostgreSQL; a row is written when what it says changes, else once an hour."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.forecast import ASK_AFTER
from pager_domain.pager.model import EscalationPolicy
from pager_domain.pager.ports.known_policies import KnownPolicies
from pager_grpc.pager.policy_documents import document_and_fingerprint
from pager_grpc.pager.sealing import Sealing
from pager_grpc.pager.tables import LastKnownPolicyRow, table_of
from pager_grpc.runtime.bulk import Writes
from pager_grpc.runtime.columns import as_moment, moment_of
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import change, fetch, is_one_of

KNOWN_POLICIES = table_of(LastKnownPolicyRow)
LEASE = timedelta(minutes=1)
_SAYS_SOMETHING_NEW = """
coalesce(last_known_policies.fingerprint, '') <> excluded.fingerprint
OR last_known_policies.ask_at IS NULL OR last_known_policies.ask_at <= excluded.learnt_at
"""
# Without its fingerprint a row is written by whoever learns its policy next, though that says the same.
_CLAIM = """
UPDATE last_known_policies SET ask_at = {lease_end}, fingerprint = '' WHERE monitored_service_id IN (
    WITH old AS MATERIALIZED (
        SELECT monitored_service_id FROM last_known_policies
        WHERE ask_at <= {now} ORDER BY ask_at LIMIT :limit {skip_locked}
    )
    SELECT monitored_service_id FROM old
)
RETURNING monitored_service_id
"""
_FORGET = "DELETE FROM last_known_policies WHERE {condition} AND learnt_at <= :since"
_FIRST = "SELECT (SELECT min({column}) FROM last_known_policies) AS first, {now} AS now"


def write_known_policies(
    writes: Writes, policies: Mapping[MonitoredServiceId, EscalationPolicy], now: datetime, sealing: Sealing
) -> None:
    """Adds what was learnt ``now`` to ``writes``; what is known already and fresh costs no new row version."""
    rows = [
        {
            "monitored_service_id": service_id,
            "policy": document,
            "fingerprint": fingerprint,
            "learnt_at": now,
            "ask_at": now + ASK_AFTER,
        }
        for service_id, policy in policies.items()
        for document, fingerprint in [document_and_fingerprint(policy, sealing)]
    ]
    writes.upsert(KNOWN_POLICIES, rows, only_if=_SAYS_SOMETHING_NEW)


class SqlKnownPolicies(KnownPolicies):
    """The rows of one database."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._database = database
        self._sealing = sealing

    async def claim(self, limit: int) -> tuple[list[MonitoredServiceId], datetime]:
        """One statement; the rows that another replica has at the moment are passed over."""
        lock = "" if self._database.is_sqlite else "FOR UPDATE SKIP LOCKED"
        statement = _CLAIM.format(
            lease_end=self._database.later_sql("lease"), now=self._database.now_sql, skip_locked=lock
        )
        async with self._database.begin() as connection:
            binds = {"limit": limit} | self._database.later_binds("lease", LEASE)
            found = await fetch(connection, statement, binds)
            now = await self._database.now(connection)
        return sorted(MonitoredServiceId(row["monitored_service_id"]) for row in found), now

    async def learn(
        self,
        policies: Mapping[MonitoredServiceId, EscalationPolicy],
        uncovered: Collection[MonitoredServiceId],
        since: datetime,
    ) -> None:
        """One transaction."""
        async with self._database.begin() as connection:
            writes = Writes(connection)
            write_known_policies(writes, policies, await self._database.now(connection), self._sealing)
            await writes.run()
            if uncovered:
                condition, binds = is_one_of(connection, "monitored_service_id", uncovered)
                since_bind = {"since": self._database.moment_bind(since)}
                await change(connection, _FORGET.format(condition=condition), binds | since_bind)

    async def oldest(self) -> timedelta | None:
        """One look at the first entry of an index."""
        first, now = await self._first("learnt_at")
        return None if first is None else now - first

    async def seconds_until_due(self) -> float | None:
        """One look at the first entry of an index."""
        first, now = await self._first("ask_at")
        return None if first is None else (first - now).total_seconds()

    async def _first(self, column: str) -> tuple[datetime | None, datetime]:
        query = _FIRST.format(column=column, now=self._database.now_sql)
        async with self._database.glance() as connection:
            [row] = await fetch(connection, query, self._database.now_binds())
        return as_moment(row["first"]), moment_of(row["now"])
