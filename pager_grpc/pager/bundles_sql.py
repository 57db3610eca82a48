"""Bundles on SQLite and PostgreSQL: one message for many pages, with a lease and an end like a page of its own.

A page of a bundle waits and is held, so that nothing else touches it, and ends in the transaction that ends the bundle.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.pager.events import NotificationId
from pager_domain.pager.notification import Bundle
from pager_domain.pager.ports.notification_outbox import Claim, Dissolved, Postponed, Result
from pager_grpc.pager import page_rows
from pager_grpc.pager.sealing import Sealing
from pager_grpc.pager.tables import BundleRow, table_of
from pager_grpc.runtime.bulk import insert_rows
from pager_grpc.runtime.columns import moment_of
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import Row, change, fetch, is_one_of, is_one_of_pairs

BUNDLES = table_of(BundleRow)
FIRST_DUE = "SELECT min(due_at) AS due FROM bundles WHERE state = 'waiting'"

# Nor may a page go out while its incident is held, though it was made before.
INCIDENT_IS_OPEN = """(
    SELECT state = 'open' AND held_until IS NULL FROM incidents AS i
    WHERE i.monitored_service_id = notifications.monitored_service_id AND i.incident_id = notifications.incident_id
)"""
_JOIN = "UPDATE notifications SET bundle_id = :bundle, held = true, attempts = attempts + 1 WHERE {condition}"
_CLAIM = """
UPDATE bundles
SET held = true, attempts = attempts + 1, due_at = {lease_end},
    lost_claims = CASE WHEN held THEN lost_claims + 1 ELSE lost_claims END
WHERE bundle_id IN (
    WITH picked AS MATERIALIZED (
        SELECT bundle_id FROM bundles
        WHERE state = 'waiting' AND due_at <= {now} ORDER BY due_at LIMIT :limit {skip_locked}
    )
    SELECT bundle_id FROM picked
)
RETURNING *
"""
_PAGES = f"""
SELECT *, {INCIDENT_IS_OPEN} AS incident_is_open FROM notifications WHERE {{condition}} AND state = 'waiting'
"""
# Only the newest claim counts, as with pages.
_NEWEST = "WHERE bundle_id = :bundle AND state = 'waiting' AND attempts = :attempt"
_POSTPONE = f"UPDATE bundles SET held = false, lost_claims = 0, due_at = {{due}}, last_reason = :reason {_NEWEST}"
_END = f"UPDATE bundles SET state = :state, held = false, settled_at = {{now}}, last_reason = :reason {_NEWEST}"
_END_PAGES = """
UPDATE notifications SET state = :state, held = false, settled_at = {now}, last_reason = :reason
WHERE bundle_id = :bundle AND state = 'waiting'
"""
_RELEASE = """
UPDATE notifications SET bundle_id = NULL, held = false, due_at = {now}, last_reason = :reason
WHERE bundle_id = :bundle AND state = 'waiting'
"""


async def begin(connection: AsyncConnection, database: Database, bundle: Bundle, lease: timedelta) -> None:
    """Stores a bundle, claimed for the first time, and makes its pages members."""
    now = await database.now(connection)
    new = {
        "bundle_id": bundle.notification_id,
        "subject": bundle.subject,
        "body": bundle.body,
        "state": "waiting",
        "held": True,
        "attempts": 1,
        "lost_claims": 0,
        "due_at": now + lease,
        "created_at": now,
        "settled_at": None,
        "last_reason": "",
    }
    await insert_rows(connection, BUNDLES, [new])
    keys = [(page.monitored_service_id, page.notification_id) for page in bundle.pages]
    condition, binds = is_one_of_pairs(connection, "monitored_service_id, notification_id", keys)
    await change(connection, _JOIN.format(condition=condition), binds | {"bundle": bundle.notification_id})


async def claim_due(
    connection: AsyncConnection, database: Database, sealing: Sealing, limit: int, lease: timedelta
) -> list[Claim]:
    """Claims up to ``limit`` bundles that are owed again."""
    lock = "" if database.is_sqlite else "FOR UPDATE SKIP LOCKED"
    statement = _CLAIM.format(now=database.now_sql, lease_end=database.later_sql("lease"), skip_locked=lock)
    binds = {"limit": limit, **database.later_binds("lease", lease)}
    claimed = await fetch(connection, statement, binds)
    if not claimed:
        return []
    condition, binds = is_one_of(connection, "bundle_id", (row["bundle_id"] for row in claimed))
    pages: dict[str, list[Row]] = defaultdict(list)
    for page in await fetch(connection, _PAGES.format(condition=condition), binds):
        pages[page["bundle_id"]].append(page)
    return [_claim_of(row, pages[row["bundle_id"]], sealing, moment_of(row["due_at"]) - lease) for row in claimed]


async def newest_claims(connection: AsyncConnection, ids: Iterable[str]) -> dict[str, int]:
    """The newest claim of each of these bundles that has not ended, locked."""
    condition, binds = is_one_of(connection, "bundle_id", ids)
    lock = "" if connection.dialect.name == "sqlite" else "FOR UPDATE"
    query = f"SELECT bundle_id, attempts FROM bundles WHERE {condition} AND state = 'waiting' {lock}"
    return {row["bundle_id"]: row["attempts"] for row in await fetch(connection, query, binds)}


async def record(connection: AsyncConnection, database: Database, result: Result) -> None:
    """What became of a bundle, and with it of its pages; the result must be that of the newest claim."""
    binds = {"bundle": result.claim.notification.notification_id, "attempt": result.claim.attempt}
    now, now_binds = database.now_sql, database.now_binds()
    if isinstance(result, Postponed):
        times = database.later_binds("due", result.pause)
        statement = _POSTPONE.format(due=database.later_sql("due"))
        await change(connection, statement, binds | {"reason": result.reason} | times)
    elif isinstance(result, Dissolved):
        reason = {"reason": result.reason}
        await change(connection, _RELEASE.format(now=now), binds | reason | now_binds)
        await change(connection, _END.format(now=now), binds | reason | {"state": "dissolved"} | now_binds)
    else:
        page_end, reason = result.events[0].outcome.value, {"reason": result.events[0].reason}
        await change(connection, _END_PAGES.format(now=now), binds | reason | {"state": page_end} | now_binds)
        state = {"state": result.outcome.value}
        await change(connection, _END.format(now=now), binds | reason | state | now_binds)


def _claim_of(row: Row, pages: Sequence[Row], sealing: Sealing, now: datetime) -> Claim:
    owed = [(page_rows.notification_of(page, sealing), page_rows.owed_at(page)) for page in pages]
    owed.sort(key=lambda each: page_rows.place_in_bundle(*each))
    bundle = Bundle(tuple(page for page, _ in owed), row["subject"], row["body"])
    if bundle.notification_id != NotificationId(row["bundle_id"]):
        raise ValueError(f"bundle {row['bundle_id']} has lost or won pages")
    is_wanted = any(map(page_rows.is_wanted, pages))
    ages = tuple(now - owed_at for _, owed_at in owed)
    return Claim(bundle, row["attempts"], is_wanted, row["lost_claims"], now - moment_of(row["created_at"]), ages)
