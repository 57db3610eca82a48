"""Forgetting what the ledger no longer needs, on SQLite or PostgreSQL."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.notifier.ports.delivery_history import DeliveryHistory
from pager_domain.notifier.retention import ENDED, checked_kept
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import fetch

ROWS = 1_000
# By the index of creation times, which never change: what ended before a moment was also made before it. The CASE is
# when it ended, and hides update_time from PostgreSQL, which would conclude from it that next to nothing is left.
# MATERIALIZED: a plain sub-select with LIMIT and SKIP LOCKED may be evaluated more than once.
_FORGET = """
DELETE FROM deliveries WHERE delivery_id IN (
    WITH old AS MATERIALIZED (
        SELECT delivery_id FROM deliveries
        WHERE create_time < :horizon AND CASE WHEN state IN ({ended}) THEN update_time END < :horizon
        ORDER BY create_time, delivery_id LIMIT {rows} {skip_locked}
    )
    SELECT delivery_id FROM old
) RETURNING 1
"""


class SqlDeliveryHistory(DeliveryHistory):
    """The history over one database; ``rows`` bounds one transaction."""

    def __init__(self, database: Database, rows: int = ROWS) -> None:
        self._database = database
        self._statement = _FORGET.format(
            ended=", ".join(f"'{state}'" for state in sorted(ENDED)),
            rows=rows,
            skip_locked="" if database.is_sqlite else "FOR UPDATE SKIP LOCKED",
        )

    async def forget(self, kept: timedelta) -> int:
        """One transaction, again while it loses to others."""
        checked_kept(kept)

        async def work(connection: AsyncConnection) -> int:
            horizon = await self._database.now(connection) - kept
            binds = {"horizon": self._database.moment_bind(horizon)}
            return len(await fetch(connection, self._statement, binds))

        return await self._database.atomically(work)
