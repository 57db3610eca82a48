"""The outbox on SQLite and PostgreSQL: claimed with SKIP LOCKED, recorded under the lock of the service."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.pager.events import IncidentEvent, IncidentId
from pager_domain.pager.ports.notification_outbox import Claim, NotificationOutbox, Postponed, Settled
from pager_grpc.pager import rows
from pager_grpc.pager.monitored_services_sql import seconds_until
from pager_grpc.pager.unit_of_work_sql import (
    INCIDENTS,
    announce,
    append_events,
    read_clock,
)
from pager_grpc.pager.wakeups import Wakeups, Work
from pager_grpc.runtime.bulk import update_rows
from pager_grpc.runtime.columns import sqlite_moment
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import fetch, is_one_of_pairs

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
# Only the newest claim counts: one whose lease ended was claimed again with a higher number.
_POSTPONE = """
UPDATE notifications SET held = false, due_at = {due}, last_reason = :reason
WHERE monitored_service_id = :service AND notification_id = :page AND state = 'waiting' AND attempts = :attempt
"""
_SETTLE = """
UPDATE notifications SET state = :state, held = false, settled_at = {now}, last_reason = :reason
WHERE monitored_service_id = :service AND notification_id = :page AND state = 'waiting' AND attempts = :attempt
"""
_LOCK_SERVICES = """
SELECT 1 FROM monitored_services WHERE monitored_service_id = ANY(CAST(:ids AS text[]))
ORDER BY monitored_service_id FOR UPDATE
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
        """One transaction for all results, under the locks of their services: whoever holds one writes its timeline."""
        async with self._database.begin() as connection:
            if not self._sqlite:
                ids = sorted({result.claim.notification.monitored_service_id for result in results})
                await connection.execute(text(_LOCK_SERVICES), {"ids": ids})
            newest = await self._newest(connection, results)
            # A claim that is recorded twice counts once, and the first record stands.
            firsts = {_page_id(r): r for r in reversed(results) if newest.get(_page_id(r)) == r.claim.attempt}
            current = [firsts[page] for page in sorted(firsts)]
            await self._postpone(connection, [result for result in current if isinstance(result, Postponed)])
            settled = [result for result in current if isinstance(result, Settled)]
            await self._settle(connection, settled)
            work = Work.DELIVERY + (Work.EVENTS if settled else "")
            await announce(connection, work)
        self._wakeups.ring(work)
        return len(current)

    async def seconds_until_due(self) -> float | None:
        """One look at the first entry of the partial index."""
        return await seconds_until(self._database, "notifications", "due_at", "state = 'waiting'")

    async def _newest(self, connection: AsyncConnection, results: Sequence[Settled | Postponed]) -> dict[str, int]:
        """The newest claim of each page that still waits."""
        wanted = {(_service_id(result), _page_id(result)) for result in results}
        condition, binds = is_one_of_pairs(connection, "monitored_service_id, notification_id", wanted)
        lock = "" if self._sqlite else "FOR UPDATE"
        query = f"SELECT notification_id, attempts FROM notifications WHERE {condition} AND state = 'waiting' {lock}"
        return {row["notification_id"]: row["attempts"] for row in await fetch(connection, query, binds)}

    async def _postpone(self, connection: AsyncConnection, postponed: Sequence[Postponed]) -> None:
        binds = [_binds(p) | {"reason": p.reason} | self._times("due", p.pause) for p in postponed]
        if binds:
            await connection.execute(text(_POSTPONE.format(due=self._later("due"))), binds)

    async def _settle(self, connection: AsyncConnection, settled: Sequence[Settled]) -> None:
        """The incident counts its lines, so each recorded end takes the next number of its timeline."""
        if not settled:
            return
        binds = [
            _binds(s) | {"state": s.event.outcome.value, "reason": s.event.reason} | self._database.now_binds()
            for s in settled
        ]
        await connection.execute(text(_SETTLE.format(now=self._database.now_sql)), binds)
        now = await read_clock(connection, self._database)
        counts = await self._counts(connection, settled)
        events = []
        for result in settled:
            page = result.claim.notification
            counts[page.incident_id] += 1
            events.append(
                IncidentEvent(page.monitored_service_id, page.incident_id, counts[page.incident_id], now, result.event)
            )
        services = {event.incident_id: event.monitored_service_id for event in events}
        counted = [
            {"monitored_service_id": services[incident], "incident_id": incident, "event_count": count}
            for incident, count in counts.items()
        ]
        await update_rows(connection, INCIDENTS, counted)
        await append_events(connection, [rows.event_row(event) for event in events])

    async def _counts(self, connection: AsyncConnection, settled: Sequence[Settled]) -> dict[IncidentId, int]:
        wanted = {(_service_id(result), result.claim.notification.incident_id) for result in settled}
        condition, binds = is_one_of_pairs(connection, "monitored_service_id, incident_id", wanted)
        query = f"SELECT incident_id, event_count FROM incidents WHERE {condition}"
        return {IncidentId(row["incident_id"]): row["event_count"] for row in await fetch(connection, query, binds)}

    def _later(self, bind: str) -> str:
        """The SQL for now and the span ``bind`` later; SQLite gets the moment itself."""
        return f":{bind}" if self._sqlite else f"{self._database.now_sql} + :{bind}"

    def _times(self, bind: str, span: timedelta) -> dict[str, Any]:
        binds = self._database.now_binds()
        if self._sqlite:
            return binds | {bind: sqlite_moment(self._database.clock.now() + span)}
        return binds | {bind: span}


def _page_id(result: Settled | Postponed) -> str:
    return result.claim.notification.notification_id


def _service_id(result: Settled | Postponed) -> str:
    return result.claim.notification.monitored_service_id


def _binds(result: Settled | Postponed) -> dict[str, Any]:
    return {"service": _service_id(result), "page": _page_id(result), "attempt": result.claim.attempt}
