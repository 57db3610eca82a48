"""The outbox on SQLite and PostgreSQL: claimed with SKIP LOCKED, recorded under the lock of the service."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.pager.events import IncidentEvent
from pager_domain.pager.ports.notification_outbox import Claim, NotificationOutbox, Postponed, Settled
from pager_grpc.pager import rows
from pager_grpc.pager.monitored_services_sql import announce, append_events, seconds_until
from pager_grpc.pager.wakeups import Wakeups, Work
from pager_grpc.runtime.columns import as_moment, sqlite_moment
from pager_grpc.runtime.database import Database

LEASE = timedelta(seconds=10)
"""Longer than the longest attempt (5 s), so that nobody else claims a page while an attempt can still end well."""

# MATERIALIZED: a plain sub-select with LIMIT and SKIP LOCKED may be evaluated more than once.
_CLAIM = """
WITH picked AS MATERIALIZED (
    SELECT monitored_service_id, notification_id FROM notifications
    WHERE state = 'waiting' AND due_at <= {now} ORDER BY due_at LIMIT :limit {skip_locked}
)
UPDATE notifications SET held = true, attempts = attempts + 1, due_at = {lease_end}
WHERE (monitored_service_id, notification_id) IN (SELECT monitored_service_id, notification_id FROM picked)
RETURNING *, (
    SELECT state = 'open' FROM incidents AS i
    WHERE i.monitored_service_id = notifications.monitored_service_id AND i.incident_id = notifications.incident_id
) AS incident_is_open
"""
# Only the newest claim counts. The incident counts its lines, so a recorded end takes the next number.
_SETTLE = """
UPDATE notifications SET state = :state, held = false, settled_at = {now}, last_reason = :reason
WHERE monitored_service_id = :service AND notification_id = :page AND state = 'waiting' AND attempts = :attempt
RETURNING {now}
"""
_POSTPONE = """
UPDATE notifications SET held = false, due_at = {due}, last_reason = :reason
WHERE monitored_service_id = :service AND notification_id = :page AND state = 'waiting' AND attempts = :attempt
RETURNING 1
"""
_NEXT_SEQUENCE = """
UPDATE incidents SET event_count = event_count + 1
WHERE monitored_service_id = :service AND incident_id = :incident RETURNING event_count
"""


class SqlNotificationOutbox(NotificationOutbox):
    """The outbox over one database."""

    def __init__(self, database: Database, wakeups: Wakeups) -> None:
        self._database = database
        self._wakeups = wakeups
        self._sqlite = database.is_sqlite

    async def claim(self, limit: int) -> list[Claim]:
        """One statement; the partial index of waiting pages is all it reads to find them."""
        statement = _CLAIM.format(
            now=self._database.now_sql,
            lease_end=self._later("lease"),
            skip_locked="" if self._sqlite else "FOR UPDATE SKIP LOCKED",
        )
        async with self._database.begin() as connection:
            found = await connection.execute(text(statement), {"limit": limit, **self._times("lease", LEASE)})
            claimed = found.mappings().all()
        claims = [Claim(rows.notification_of(r), r["attempts"], bool(r["incident_is_open"])) for r in claimed]
        return sorted(claims, key=lambda claim: claim.notification.notification_id)

    async def record(self, results: Sequence[Settled | Postponed]) -> int:
        """One transaction for all results."""
        async with self._database.begin() as connection:
            await self._lock_services(connection, results)
            recorded = [await self._record(connection, result) for result in results]
            events = [rows.event_row(event) for event in recorded if isinstance(event, IncidentEvent)]
            await append_events(connection, events)
            work = (Work.EVENTS if events else "") + Work.DELIVERY
            await announce(connection, work)
        self._wakeups.ring(work)
        return sum(1 for event in recorded if event)

    async def seconds_until_due(self) -> float | None:
        """One look at the first entry of the partial index."""
        return await seconds_until(self._database, "notifications", "due_at", "state = 'waiting'")

    async def _lock_services(self, connection: AsyncConnection, results: Sequence[Settled | Postponed]) -> None:
        """A timeline is written by whoever holds its service, in id order as everywhere."""
        if self._sqlite:
            return
        ids = sorted({result.claim.notification.monitored_service_id for result in results})
        await connection.execute(
            text(
                "SELECT 1 FROM monitored_services WHERE monitored_service_id = ANY(CAST(:ids AS text[]))"
                " ORDER BY monitored_service_id FOR UPDATE"
            ),
            {"ids": ids},
        )

    async def _record(self, connection: AsyncConnection, result: Settled | Postponed) -> IncidentEvent | bool:
        page = result.claim.notification
        binds = {
            "service": page.monitored_service_id,
            "page": page.notification_id,
            "attempt": result.claim.attempt,
        }
        if isinstance(result, Postponed):
            statement = _POSTPONE.format(due=self._later("due"))
            binds |= {"reason": result.reason, **self._times("due", result.pause)}
            return (await connection.execute(text(statement), binds)).first() is not None
        binds |= {"state": result.event.outcome.value, "reason": result.event.reason, **self._database.now_binds()}
        statement = _SETTLE.format(now=self._database.now_sql)
        at = as_moment((await connection.execute(text(statement), binds)).scalar_one_or_none())
        if at is None:
            return False
        counted = await connection.execute(
            text(_NEXT_SEQUENCE), {"service": page.monitored_service_id, "incident": page.incident_id}
        )
        return IncidentEvent(page.monitored_service_id, page.incident_id, counted.scalar_one(), at, result.event)

    def _later(self, bind: str) -> str:
        """The SQL for now and the span ``bind`` later; SQLite gets the moment itself."""
        return f":{bind}" if self._sqlite else f"{self._database.now_sql} + :{bind}"

    def _times(self, bind: str, span: timedelta) -> dict[str, Any]:
        binds = self._database.now_binds()
        if self._sqlite:
            return binds | {bind: sqlite_moment(self._database.clock.now() + span)}
        return binds | {bind: span}
