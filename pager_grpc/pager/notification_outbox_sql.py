"""The outbox on SQLite and PostgreSQL: what became of claims is recorded under the locks of their services."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.pager.events import IncidentEvent, IncidentId, NotificationSettled, Outcome
from pager_domain.pager.notification import Bundle, Notification
from pager_domain.pager.ports.notification_outbox import Claim, NotificationOutbox, Postponed, Result, Settled
from pager_domain.pager.refusals import owed_at_once
from pager_domain.pager.service import PagerService
from pager_domain.pager.storm import Pace
from pager_grpc.pager import bundles_sql, page_rows, rows
from pager_grpc.pager.incident_events_sql import append_events
from pager_grpc.pager.monitored_services_sql import seconds_until
from pager_grpc.pager.new_pages_sql import NOTIFICATIONS
from pager_grpc.pager.notification_claims_sql import PAGE_KEY, Claiming
from pager_grpc.pager.sealing import Sealing
from pager_grpc.pager.unit_of_work_sql import INCIDENTS
from pager_grpc.pager.wakeups import Wakeups, Work
from pager_grpc.runtime.bulk import Writes
from pager_grpc.runtime.columns import moment_of
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import Binds, fetch, is_one_of_pairs

End = tuple[Notification, NotificationSettled]
"""A page and its last line."""

_LEVELS_THAT_REACHED_NOBODY = """
SELECT * FROM incidents AS i WHERE {condition} AND i.state = 'open' AND NOT EXISTS (
    SELECT 1 FROM notifications AS n
    WHERE n.monitored_service_id = i.monitored_service_id AND n.incident_id = i.incident_id
    AND n.cycle = i.cycle AND n.level = i.level AND n.state IN ('waiting', 'handed_off', 'merged')
)
"""
_NOT_DUE = """
SELECT * FROM notifications WHERE {condition} AND state = 'waiting' AND attempts = 0 AND owed_at > {now} {lock}
"""
_LOCK_SERVICES = """
SELECT 1 FROM monitored_services WHERE monitored_service_id = ANY(CAST(:ids AS text[]))
ORDER BY monitored_service_id FOR UPDATE
"""


class SqlNotificationOutbox(NotificationOutbox):
    """The outbox over one database. ``pace`` is how much one recipient gets one by one; None: everything."""

    def __init__(self, database: Database, wakeups: Wakeups, sealing: Sealing, pace: Pace | None = None) -> None:
        self._database = database
        self._wakeups = wakeups
        self._sealing = sealing
        self._pace = pace
        self._sqlite = database.is_sqlite

    async def claim(self, limit: int) -> list[Claim]:
        """One transaction; the partial index of waiting pages is all it reads to find them."""
        async with self._database.begin() as connection:
            claiming = Claiming(connection, self._database, self._sealing, self._pace, Writes(connection))
            return await claiming.claims(limit)

    async def record(self, results: Sequence[Result]) -> int:
        """One transaction for all results, under the locks of their services: whoever holds one writes its timeline."""
        async with self._database.begin() as connection:
            if not self._sqlite:
                ids = sorted({page.monitored_service_id for result in results for page in result.claim.pages})
                await fetch(connection, _LOCK_SERVICES, {"ids": ids})
            current = await self._current(connection, results)
            for result in current:
                if _is_bundle(result):
                    await bundles_sql.record(connection, self._database, result)
            now = await self._database.now(connection)
            alone = [result for result in current if not _is_bundle(result)]
            writes = Writes(connection)
            writes.update(NOTIFICATIONS, [_postponed_row(r, now) for r in alone if isinstance(r, Postponed)])
            writes.update(NOTIFICATIONS, [_settled_row(r, now) for r in alone if isinstance(r, Settled)])
            ends = [pair for result in current if isinstance(result, Settled) for pair in _ends(result)]
            escalates = await self._add_lines(connection, writes, ends, now)
            work = Work.DELIVERY if any(map(_makes_something_owed, current)) else ""
            work += (Work.EVENTS if ends else "") + (Work.ESCALATION if escalates else "")
            await writes.run()
        self._wakeups.committed(work)
        return len(current)

    async def seconds_until_due(self) -> float | None:
        """One look at the first page of each severity and at the first bundle."""
        owed = "state = 'waiting' AND bundle_id IS NULL"
        return await seconds_until(self._database, "notifications", "due_at", owed, also=bundles_sql.FIRST_DUE)

    async def _current(self, connection: AsyncConnection, results: Sequence[Result]) -> list[Result]:
        """The results of newest claims; one that is recorded twice counts once, and the first record stands."""
        newest = await self._newest_of_pages(connection, [r for r in results if not _is_bundle(r)])
        if bundles := [_message_id(result) for result in results if _is_bundle(result)]:
            newest |= await bundles_sql.newest_claims(connection, bundles)
        firsts = {_message_id(r): r for r in reversed(results) if newest.get(_message_id(r)) == r.claim.attempt}
        return [firsts[message] for message in sorted(firsts)]

    async def _newest_of_pages(self, connection: AsyncConnection, results: Sequence[Result]) -> dict[str, int]:
        """The newest claim of each page that still waits."""
        wanted = {(page.monitored_service_id, page.notification_id) for r in results for page in r.claim.pages}
        condition, binds = is_one_of_pairs(connection, PAGE_KEY, wanted)
        lock = "" if self._sqlite else "FOR UPDATE"
        query = f"SELECT notification_id, attempts FROM notifications WHERE {condition} AND state = 'waiting' {lock}"
        return {row["notification_id"]: row["attempts"] for row in await fetch(connection, query, binds)}

    async def _add_lines(self, connection: AsyncConnection, writes: Writes, ends: Sequence[End], now: datetime) -> bool:
        """Each end is the next line of its timeline. Whether a level that reached nobody made the next one due."""
        if not ends:
            return False
        counts = await self._counts(connection, ends)
        events = []
        for page, event in ends:
            counts[page.incident_id] += 1
            key = (page.monitored_service_id, page.incident_id)
            events.append(IncidentEvent(*key, counts[page.incident_id], now, event))
        services = {event.incident_id: event.monitored_service_id for event in events}
        counted = [
            {"monitored_service_id": services[incident], "incident_id": incident, "event_count": count}
            for incident, count in counts.items()
        ]
        writes.update(INCIDENTS, counted)
        failed = [page for page, event in ends if event.outcome not in (Outcome.HANDED_OFF, Outcome.MERGED)]
        undeliverable: list[IncidentEvent] = []
        if failed:
            await self._take_the_next_step_of_who_was_refused(connection, writes, ends, now)
            await writes.run()  # the ends of these pages are looked at
            undeliverable = await self._escalate_where_nobody_was_reached(connection, writes, failed, now)
        await append_events(connection, writes, self._database, [*events, *undeliverable])
        return bool(undeliverable)

    async def _take_the_next_step_of_who_was_refused(
        self, connection: AsyncConnection, writes: Writes, ends: Sequence[End], now: datetime
    ) -> None:
        refused = [page for page, event in ends if event.outcome is Outcome.UNDELIVERABLE]
        if not refused:
            return
        condition, binds = _these_incidents(connection, refused)
        lock = "" if self._sqlite else "FOR UPDATE"  # whoever claims one at this moment tries it anyway
        query = _NOT_DUE.format(condition=condition, now=self._database.now_sql, lock=lock)
        found = await fetch(connection, query, binds | self._database.now_binds())
        made_at = {row["notification_id"]: moment_of(row["created_at"]) for row in found}
        pages = owed_at_once(refused, map(self._page_of, found))
        # No page is owed before it was made, also if the clock was set back since.
        owed = [_key_of(page) | {"due_at": now, "owed_at": max(now, made_at[page.notification_id])} for page in pages]
        writes.update(NOTIFICATIONS, owed)

    async def _escalate_where_nobody_was_reached(
        self, connection: AsyncConnection, writes: Writes, failed: Sequence[Notification], now: datetime
    ) -> list[IncidentEvent]:
        condition, binds = _these_incidents(connection, failed, "i.monitored_service_id, i.incident_id")
        found = await fetch(connection, _LEVELS_THAT_REACHED_NOBODY.format(condition=condition), binds)
        changes = [PagerService.on_level_undeliverable(rows.incident_of(row, self._sealing), now) for row in found]
        changed = [incident for incident, events in changes if events]
        writes.update(INCIDENTS, [rows.changed_incident_row(incident, self._sealing) for incident in changed])
        return [event for _, events in changes for event in events]

    def _page_of(self, row: rows.StoredRow) -> Notification:
        return page_rows.notification_of(row, self._sealing)

    async def _counts(self, connection: AsyncConnection, ends: Sequence[End]) -> dict[IncidentId, int]:
        condition, binds = _these_incidents(connection, [page for page, _ in ends])
        lock = "" if self._sqlite else "FOR UPDATE"  # SERIALIZABLE compares here, not at the key of a line
        query = f"SELECT incident_id, event_count FROM incidents WHERE {condition} {lock}"
        return {IncidentId(row["incident_id"]): row["event_count"] for row in await fetch(connection, query, binds)}


def _these_incidents(
    connection: AsyncConnection, pages: Sequence[Notification], columns: str = "monitored_service_id, incident_id"
) -> tuple[str, Binds]:
    return is_one_of_pairs(connection, columns, {(page.monitored_service_id, page.incident_id) for page in pages})


def _is_bundle(result: Result) -> bool:
    return isinstance(result.claim.notification, Bundle)


def _makes_something_owed(result: Result) -> bool:
    """Whether the same pages are owed again, or the next step of who was refused."""
    return not isinstance(result, Settled) or result.outcome is Outcome.UNDELIVERABLE


def _ends(result: Settled) -> list[End]:
    return list(zip(result.claim.pages, result.events, strict=True))


def _message_id(result: Result) -> str:
    return result.claim.notification.notification_id


# Only the newest claim counts: one whose lease ended was claimed again with a higher number, and is not current.
def _postponed_row(result: Postponed, now: datetime) -> rows.Row:
    end = {"held": False, "lost_claims": 0, "due_at": now + result.pause, "last_reason": result.reason}
    return _page_key(result) | end


def _settled_row(result: Settled, now: datetime) -> rows.Row:
    end = {"state": result.outcome.value, "held": False, "settled_at": now, "last_reason": result.events[0].reason}
    return _page_key(result) | end


def _page_key(result: Result) -> rows.Row:
    """Of the page of a result that went alone."""
    [page] = result.claim.pages
    return _key_of(page)


def _key_of(page: Notification) -> rows.Row:
    return {"monitored_service_id": page.monitored_service_id, "notification_id": page.notification_id}
