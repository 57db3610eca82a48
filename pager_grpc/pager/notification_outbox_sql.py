"""The outbox on SQLite and PostgreSQL: claimed with SKIP LOCKED, recorded under the lock of the service."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.pager.events import MOST_SEVERE_FIRST, IncidentEvent, IncidentId, Outcome
from pager_domain.pager.ports.notification_outbox import Claim, NotificationOutbox, Postponed, Settled
from pager_domain.pager.service import PagerService
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
from pager_grpc.runtime.selecting import Row, fetch, is_one_of_pairs

LEASE = timedelta(seconds=10)
"""Longer than the longest attempt (5 s), so that nobody else claims a page while an attempt can still end well."""

# One walk along the index for each severity, each as long as the ones before left room. MATERIALIZED: a plain
# sub-select with LIMIT and SKIP LOCKED may be evaluated more than once.
_PICKED = """
{name} AS MATERIALIZED (
    SELECT monitored_service_id, notification_id FROM notifications
    WHERE state = 'waiting' AND severity = '{name}' AND due_at <= {now} ORDER BY due_at
    LIMIT {room} {skip_locked}
)
"""
_CLAIM = """
WITH {picks}
UPDATE notifications
SET held = true, attempts = attempts + 1, due_at = {lease_end},
    lost_claims = CASE WHEN held THEN lost_claims + 1 ELSE lost_claims END
WHERE (monitored_service_id, notification_id) IN ({picked})
RETURNING *, (
    SELECT state = 'open' FROM incidents AS i
    WHERE i.monitored_service_id = notifications.monitored_service_id AND i.incident_id = notifications.incident_id
) AS incident_is_open
"""
# Only the newest claim counts: one whose lease ended was claimed again with a higher number.
_POSTPONE = """
UPDATE notifications SET held = false, lost_claims = 0, due_at = {due}, last_reason = :reason
WHERE monitored_service_id = :service AND notification_id = :page AND state = 'waiting' AND attempts = :attempt
"""
_SETTLE = """
UPDATE notifications SET state = :state, held = false, settled_at = {now}, last_reason = :reason
WHERE monitored_service_id = :service AND notification_id = :page AND state = 'waiting' AND attempts = :attempt
"""
_LEVELS_THAT_REACHED_NOBODY = """
SELECT * FROM incidents AS i WHERE {condition} AND i.state = 'open' AND NOT EXISTS (
    SELECT 1 FROM notifications AS n
    WHERE n.monitored_service_id = i.monitored_service_id AND n.incident_id = i.incident_id
    AND n.cycle = i.cycle AND n.level = i.level AND n.state IN ('waiting', 'handed_off')
)
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
        statement = self._claim_statement()
        async with self._database.begin() as connection:
            found = await connection.execute(text(statement), {"limit": limit, **self._times("lease", LEASE)})
            claimed = found.mappings().all()
        return sorted(map(_claim_of, claimed), key=lambda claim: claim.notification.notification_id)

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
            escalates = await self._settle(connection, settled)
            work = Work.DELIVERY + (Work.EVENTS if settled else "") + (Work.ESCALATION if escalates else "")
            await announce(connection, work)
        self._wakeups.ring(work)
        return len(current)

    async def seconds_until_due(self) -> float | None:
        """One look at the first entry of each severity."""
        return await seconds_until(self._database, "notifications", "due_at", "state = 'waiting'")

    def _claim_statement(self) -> str:
        picks: list[str] = []
        picked: list[str] = []
        for severity in MOST_SEVERE_FIRST:
            room = " - ".join([":limit", *(f"(SELECT count(*) FROM {name})" for name in picked)])
            lock = "" if self._sqlite else "FOR UPDATE SKIP LOCKED"
            picks.append(_PICKED.format(name=severity, now=self._database.now_sql, room=room, skip_locked=lock))
            picked.append(severity)
        union = " UNION ALL ".join(f"SELECT monitored_service_id, notification_id FROM {name}" for name in picked)
        return _CLAIM.format(picks=",".join(picks), picked=union, lease_end=self._later("lease"))

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

    async def _settle(self, connection: AsyncConnection, settled: Sequence[Settled]) -> bool:
        """Each end is the next line of its timeline. Whether a level that reached nobody made the next one due."""
        if not settled:
            return False
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
        undeliverable = await self._escalate_where_nobody_was_reached(connection, settled, now)
        await append_events(connection, [rows.event_row(event) for event in [*events, *undeliverable]])
        return bool(undeliverable)

    async def _escalate_where_nobody_was_reached(
        self, connection: AsyncConnection, settled: Sequence[Settled], now: datetime
    ) -> list[IncidentEvent]:
        failed = [result for result in settled if result.event.outcome is not Outcome.HANDED_OFF]
        if not failed:
            return []
        wanted = {(_service_id(result), result.claim.notification.incident_id) for result in failed}
        condition, binds = is_one_of_pairs(connection, "i.monitored_service_id, i.incident_id", wanted)
        found = await fetch(connection, _LEVELS_THAT_REACHED_NOBODY.format(condition=condition), binds)
        changes = [PagerService.on_level_undeliverable(rows.incident_of(row), now) for row in found]
        changed = [rows.changed_incident_row(incident) for incident, events in changes if events]
        await update_rows(connection, INCIDENTS, changed)
        return [event for _, events in changes for event in events]

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


def _claim_of(row: Row) -> Claim:
    return Claim(rows.notification_of(row), row["attempts"], bool(row["incident_is_open"]), row["lost_claims"])


def _page_id(result: Settled | Postponed) -> str:
    return result.claim.notification.notification_id


def _service_id(result: Settled | Postponed) -> str:
    return result.claim.notification.monitored_service_id


def _binds(result: Settled | Postponed) -> dict[str, Any]:
    return {"service": _service_id(result), "page": _page_id(result), "attempt": result.claim.attempt}
