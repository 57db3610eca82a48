"""What is under way, on SQLite and PostgreSQL: bounded walks along the indexes of what has not ended."""

from collections import Counter
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.pager.backlog import Backlog, IncidentStage, PageStage
from pager_domain.pager.ports.backlogs import Backlogs
from pager_domain.pager.targets import Channel
from pager_grpc.runtime.columns import moment_of
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import Row, fetch

MOST_ROWS = 5_000
"""On SQLite the event loop waits: 13 ms of processor time for so many pages, incidents and levels of 20,000."""

# A page of a bundle is held and due like the bundle. The order makes it a walk along the index.
_PAGES = """
WITH alone AS MATERIALIZED (
    SELECT channel, held, lost_claims, due_at, coalesce(owed_at, created_at) AS owed FROM notifications
    WHERE state = 'waiting' AND bundle_id IS NULL ORDER BY severity, due_at LIMIT :most
),
bundled AS MATERIALIZED (
    SELECT page.channel, b.held, b.lost_claims, b.due_at, coalesce(page.owed_at, page.created_at) AS owed
    FROM bundles AS b JOIN notifications AS page ON page.bundle_id = b.bundle_id
    WHERE b.state = 'waiting' AND page.state = 'waiting' ORDER BY b.due_at LIMIT :most
),
owing AS (
    SELECT channel, lost_claims, owed, CASE WHEN owed > {now} THEN 'later' WHEN due_at <= {now} THEN 'due'
        WHEN held THEN 'in_flight' ELSE 'postponed' END AS stage
    FROM (SELECT * FROM alone UNION ALL SELECT * FROM bundled) AS both_kinds
)
SELECT channel, stage, count(*) AS pages, min(owed) AS oldest, {now} AS now,
    sum(CASE WHEN lost_claims > 0 THEN 1 ELSE 0 END) AS in_doubt
FROM owing GROUP BY channel, stage
"""
_INCIDENTS = """
WITH unresolved AS MATERIALIZED (
    SELECT CASE WHEN state = 'acknowledged' THEN state WHEN exhausted THEN 'exhausted'
        WHEN held_until IS NOT NULL THEN 'held' ELSE 'open' END AS stage
    FROM incidents WHERE state <> 'resolved' ORDER BY monitored_service_id LIMIT :most
)
SELECT stage, count(*) AS incidents FROM unresolved GROUP BY stage
"""
_LEVELS = """
WITH due AS MATERIALIZED (
    SELECT next_escalation_at FROM incidents
    WHERE next_escalation_at IS NOT NULL AND severity = :severity AND next_escalation_at <= {now}
    ORDER BY next_escalation_at LIMIT :most
)
SELECT count(*) AS levels, min(next_escalation_at) AS first, {now} AS now FROM due
"""
_SEVERITIES = ("critical", "error", "warning", "info")


class SqlBacklogs(Backlogs):
    """Reads over one database; ``most`` bounds each of its walks."""

    def __init__(self, database: Database, most: int = MOST_ROWS) -> None:
        self._database = database
        self._most = most

    async def look(self) -> Backlog:
        """One snapshot."""
        async with self._database.snapshot() as connection:
            pages = await self._fetch(connection, _PAGES)
            incidents = await fetch(connection, _INCIDENTS, {"most": self._most})
            levels = [row for severity in _SEVERITIES for row in await self._levels(connection, severity)]
        waited = [_since(row, "oldest") for row in pages if row["stage"] != PageStage.LATER]
        late = [_since(row, "first") for row in levels if row["levels"]]
        counts = [sum(row["pages"] for row in pages), sum(row["incidents"] for row in incidents)]
        return Backlog(
            pages=Counter({(PageStage(r["stage"]), Channel(r["channel"])): r["pages"] for r in pages}),
            oldest=max(waited, default=None),
            in_doubt=sum(int(row["in_doubt"]) for row in pages),
            incidents=Counter({IncidentStage(row["stage"]): row["incidents"] for row in incidents}),
            levels_due=sum(row["levels"] for row in levels),
            latest=max(late, default=None),
            complete=max(counts) < self._most,
        )

    async def _levels(self, connection: AsyncConnection, severity: str) -> list[Row]:
        return await self._fetch(connection, _LEVELS, severity=severity)

    async def _fetch(self, connection: AsyncConnection, statement: str, **binds: str) -> list[Row]:
        query = statement.format(now=self._database.now_sql)
        return list(await fetch(connection, query, {"most": self._most, **binds, **self._database.now_binds()}))


def _since(row: Row, column: str) -> timedelta:
    return max(moment_of(row["now"]) - moment_of(row[column]), timedelta())
