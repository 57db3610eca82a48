"""Claiming on SQLite and PostgreSQL: what is owed is picked with SKIP LOCKED, arranged by the rules, then held."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.pager.bundle_text import bundled
from pager_domain.pager.events import MOST_SEVERE_FIRST, NotificationId, Severity
from pager_domain.pager.notification import Notification
from pager_domain.pager.ports.notification_outbox import Claim
from pager_domain.pager.storm import MAX_BUNDLED, Arrangement, Pace, Traffic, arranged, uses_the_last_message
from pager_grpc.pager import bundles_sql, page_rows
from pager_grpc.pager.sealing import Sealing
from pager_grpc.pager.tables import RecipientRow, table_of
from pager_grpc.runtime.bulk import Writes
from pager_grpc.runtime.columns import moment_of
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import Row, as_rows, change, fetch, is_one_of_pairs

LEASE = timedelta(seconds=10)
"""Longer than the longest attempt (5 s), so that nobody else claims a page while an attempt can still end well."""
PAGE_KEY = "monitored_service_id, notification_id"
RECIPIENTS = table_of(RecipientRow)

# One walk along the index for each severity, each as long as the ones before left room. MATERIALIZED: a plain
# sub-select with LIMIT and SKIP LOCKED may be evaluated more than once.
_PICKED = """
{name} AS MATERIALIZED (
    SELECT * FROM notifications
    WHERE state = 'waiting' AND bundle_id IS NULL AND severity = '{name}' AND due_at <= {now} ORDER BY due_at
    LIMIT {room} {skip_locked}
)
"""
_HOLD = """
UPDATE notifications
SET held = true, attempts = attempts + 1, due_at = {lease_end},
    lost_claims = CASE WHEN held THEN lost_claims + 1 ELSE lost_claims END
WHERE {condition}
RETURNING notification_id, attempts, lost_claims, due_at, owed_at, created_at, traceparent, stopped_at,
    {is_open} AS incident_is_open
"""
_LATER = "UPDATE notifications SET due_at = :later_at WHERE {condition}"
# Whoever holds this row arranges what its recipient is owed; a recipient without a row had a calm time.
_TRAFFIC = """
INSERT INTO recipients (recipient, calm_at, most_severe)
SELECT recipient, {now}, 'info' FROM {recipients} WHERE true ORDER BY recipient
ON CONFLICT (recipient) DO UPDATE SET most_severe = recipients.most_severe
RETURNING recipient, calm_at, most_severe, {now} AS now
"""
# Whoever writes to SQLite is alone there, so that nothing need be locked.
_TRAFFIC_SEEN_ALONE = """
SELECT listed.recipient, coalesce(known.calm_at, {now}) AS calm_at, coalesce(known.most_severe, 'info') AS most_severe,
    {now} AS now
FROM {recipients} LEFT JOIN recipients AS known ON known.recipient = listed.recipient
"""
_UNCLAIMED = """
SELECT * FROM notifications
WHERE state = 'waiting' AND bundle_id IS NULL AND attempts = 0 AND recipient = :recipient
AND due_at <= {now} ORDER BY due_at LIMIT :room {skip_locked}
"""


@dataclass
class Claiming:
    """One transaction that claims; ``pace`` is None where everything goes alone.

    ``writes`` go with its first statement, which comes before anything that looks at pages.
    """

    connection: AsyncConnection
    database: Database
    sealing: Sealing
    pace: Pace | None
    writes: Writes
    owed_at: dict[NotificationId, datetime] = field(default_factory=dict, init=False)
    """Of each page that was read: when it was owed first."""

    async def claims(self, limit: int) -> list[Claim]:
        """Bundles that are owed again first, then pages; a page that was claimed before goes alone again."""
        found = await bundles_sql.claim_due(self.connection, self.database, self.sealing, limit, LEASE)
        owed = await self._picked(limit - len(found))
        alone = [page for page, attempts in owed if attempts or self.pace is None]
        fresh = [page for page, attempts in owed if not attempts and self.pace is not None]
        for arrangement in await self._arrangements(fresh):
            alone += arrangement.alone
            await self._put_off(arrangement)
            if arrangement.together:
                found.append(await self._bundle(arrangement.together))
        return [*found, *await self._hold(alone)]

    async def alone_of(self, pages: Sequence[Notification]) -> list[Notification]:
        """Those of ``pages``, which this transaction makes, that go alone whatever else their recipients are owed.

        Where a recipient is in a storm, or enters it, they are left to :meth:`claims`, which looks at all that is owed.
        """
        if self.pace is None:
            return list(pages)
        owed = self._by_recipient(pages)
        traffic, now = await self._traffic(owed)
        calm = {
            key: arranged(self.pace, traffic[key], pages, now)
            for key, pages in owed.items()
            if not uses_the_last_message(self.pace, traffic[key], len(pages), now)
        }
        self._remember(calm)
        return [page for arrangement in calm.values() for page in arrangement.alone]

    async def _picked(self, limit: int) -> list[tuple[Notification, int]]:
        """Up to ``limit`` pages, the most severe first, then the longest owed; each with the claims so far."""
        now, lock, room = self.database.now_sql, self._skip_locked, ":limit"
        picks: list[str] = []
        for severity in MOST_SEVERE_FIRST:
            picks.append(_PICKED.format(name=severity, now=now, room=room, skip_locked=lock))
            room += f" - (SELECT count(*) FROM {severity})"
        union = " UNION ALL ".join(f"SELECT * FROM {name}" for name in MOST_SEVERE_FIRST)
        binds = {"limit": limit, **self.database.now_binds()}
        found = await fetch(self.connection, f"WITH {','.join(picks)} {union}", binds)
        return [(self._page_of(row), row["attempts"]) for row in sorted(found, key=_urgency)]

    async def _arrangements(self, fresh: Sequence[Notification]) -> list[Arrangement]:
        """What becomes of pages that were never claimed, recipient by recipient; what each got is remembered."""
        if not fresh or self.pace is None:
            return []
        owed = self._by_recipient(fresh)
        traffic, now = await self._traffic(owed)
        for key, pages in owed.items():
            if uses_the_last_message(self.pace, traffic[key], len(pages), now):
                owed[key] = await self._all_for(pages)
        arrangements = {key: arranged(self.pace, traffic[key], pages, now) for key, pages in owed.items()}
        self._remember(arrangements)
        return list(arrangements.values())

    def _by_recipient(self, pages: Iterable[Notification]) -> dict[str, list[Notification]]:
        owed: dict[str, list[Notification]] = {}
        for page in pages:
            owed.setdefault(self._recipient(page), []).append(page)
        return owed

    def _remember(self, arrangements: Mapping[str, Arrangement]) -> None:
        """What each recipient will have got; written with what is held."""
        write = self.writes.upsert if self.database.is_sqlite else self.writes.update
        write(RECIPIENTS, [traffic_row(key, each.traffic) for key, each in arrangements.items()])

    async def _traffic(self, recipients: Iterable[str]) -> tuple[dict[str, Traffic], datetime]:
        """Locks in the order of the keys, so that two claims never wait for each other in a circle."""
        source, binds = as_rows(self.connection, "recipient", recipients)
        traffic_sql = _TRAFFIC_SEEN_ALONE if self.database.is_sqlite else _TRAFFIC
        query = traffic_sql.format(now=self.database.now_sql, recipients=source)
        found = await self.writes.fetch(query, binds | self.database.now_binds())
        traffic = {r["recipient"]: Traffic(moment_of(r["calm_at"]), Severity(r["most_severe"])) for r in found}
        return traffic, max(moment_of(row["now"]) for row in found)

    async def _hold(self, pages: Sequence[Notification]) -> list[Claim]:
        if not pages:
            await self.writes.run()
            return []
        condition, binds = self._these(pages)
        statement = _HOLD.format(
            condition=condition, lease_end=self.database.later_sql("lease"), is_open=bundles_sql.INCIDENT_IS_OPEN
        )
        held = await self.writes.fetch(statement, binds | self.database.later_binds("lease", LEASE))
        rows = {row["notification_id"]: row for row in held}
        known = {page.notification_id: page for page in pages}
        return [_claim_of(known[key], rows[key]) for key in sorted(rows)]

    async def _put_off(self, arrangement: Arrangement) -> None:
        if arrangement.later_at is not None:
            condition, binds = self._these(arrangement.later)
            later_at = self.database.moment_bind(arrangement.later_at)
            await change(self.connection, _LATER.format(condition=condition), binds | {"later_at": later_at})

    async def _all_for(self, picked: Sequence[Notification]) -> list[Notification]:
        """All that the recipient of ``picked`` is owed now and that was never claimed, the most severe first."""
        binds = {"recipient": self._recipient(picked[0]), "room": MAX_BUNDLED}
        query = _UNCLAIMED.format(now=self.database.now_sql, skip_locked=self._skip_locked)
        found = map(self._page_of, await fetch(self.connection, query, binds | self.database.now_binds()))
        known = {page.notification_id: page for page in [*picked, *found]}
        return sorted(list(known.values())[:MAX_BUNDLED], key=self._place)

    def _place(self, page: Notification) -> tuple[int, datetime, str]:
        return page_rows.place_in_bundle(page, self.owed_at[page.notification_id])

    async def _bundle(self, pages: Sequence[Notification]) -> Claim:
        now = await self.database.now(self.connection)
        bundle = bundled(pages, now)
        await bundles_sql.begin(self.connection, self.database, bundle, LEASE)
        ages = tuple(now - self.owed_at[page.notification_id] for page in bundle.pages)
        return Claim(bundle, 1, is_wanted=True, ages_in_bundle=ages)

    def _these(self, pages: Iterable[Notification]) -> tuple[str, dict[str, Any]]:
        keys = [(page.monitored_service_id, page.notification_id) for page in pages]
        return is_one_of_pairs(self.connection, PAGE_KEY, keys)

    def _recipient(self, page: Notification) -> str:
        """A key that tells recipients apart and names none."""
        return self.sealing.recipient(page.channel.value, page.address)

    def _page_of(self, row: Row) -> Notification:
        self.owed_at[row["notification_id"]] = page_rows.owed_at(row)
        return page_rows.notification_of(row, self.sealing)

    @property
    def _skip_locked(self) -> str:
        return "" if self.database.is_sqlite else "FOR UPDATE SKIP LOCKED"


def _urgency(row: Row) -> tuple[int, Any]:
    return MOST_SEVERE_FIRST.index(row["severity"]), row["due_at"]


def _claim_of(page: Notification, held: Row) -> Claim:
    """``page`` as its row was held just now."""
    age = page_rows.age_of(held, LEASE, page_rows.owed_at(held))
    return Claim(with_trace_of(page, held), held["attempts"], page_rows.is_wanted(held), held["lost_claims"], age)


def with_trace_of(page: Notification, row: Row) -> Notification:
    """``page``, which may have got its trace on the way to its ``row``."""
    traceparent = row["traceparent"] or ""
    return page if traceparent == page.traceparent else replace(page, traceparent=traceparent)


def traffic_row(recipient: str, traffic: Traffic) -> dict[str, Any]:
    """What a recipient got lately, as it is stored."""
    return {"recipient": recipient, "calm_at": traffic.calm_at, "most_severe": traffic.most_severe.value}
