"""What the pager's database holds after the load: a figure counts only if every answered alert is there."""

import asyncio
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from bench.answer import Check
from bench.servers.databases import Engine, Store, connected

_COUNTS = """
SELECT (SELECT count(*) FROM incidents),
       (SELECT coalesce(sum(alert_count), 0) FROM incidents),
       (SELECT coalesce(sum(coalesce(CAST(document ->> 'repeats' AS bigint), 1)), 0)
        FROM incident_events WHERE kind IN ('IncidentOpened', 'AlertRepeated'))
"""
_HANDED_OVER = """
SELECT count(*) FROM notifications WHERE state IN ('handed_off', 'merged') AND monitored_service_id LIKE '{}'
"""
_FIRED_TWICE = """
SELECT count(*) FROM (
    SELECT 1 FROM incident_events WHERE kind = 'LevelNotified'
    GROUP BY monitored_service_id, incident_id, document ->> 'cycle', document ->> 'level' HAVING count(*) > 1
) AS twice
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """Incidents, the alerts that they counted, and the alerts that lines of timelines stand for."""

    incidents: int
    alerts: int
    lines: int

    def checks(self, label: str, *, incidents: int, alerts: int) -> list[Check]:
        """Against what was answered OK."""
        return [
            Check(f"{label}: incidents stored", incidents, self.incidents),
            Check(f"{label}: alerts counted", alerts, self.alerts),
            Check(f"{label}: alerts in timelines", alerts, self.lines),
        ]


async def stored(store: Store) -> Stored:
    """Counts. A SQLite file only once its process has ended: it has the file for itself."""
    if store.engine is Engine.SQLITE:
        return Stored(*await asyncio.to_thread(_sqlite_row, store.folder / "pager.db", _COUNTS))
    async with connected(store.dsn) as connection:
        found = await connection.fetchrow(_COUNTS)
    assert found is not None  # noqa: S101 - a SELECT of counts has a row
    return Stored(*(int(value) for value in found))


async def levels_fired_twice(store: Store) -> int:
    """On PostgreSQL: how often a level of a cycle was notified more than once."""
    async with connected(store.dsn) as connection:
        return int(await connection.fetchval(_FIRED_TWICE))


async def pages_handed_over(store: Store, services: str) -> int:
    """On SQLite, once the pager has ended: pages of such services that were handed over, alone or in a bundle."""
    [count] = await asyncio.to_thread(_sqlite_row, store.folder / "pager.db", _HANDED_OVER.format(services))
    return count


def _sqlite_row(path: Path, query: str) -> tuple[int, ...]:
    connection = sqlite3.connect(path)
    try:
        row: tuple[int, ...] = connection.execute(query).fetchone()
        return row
    finally:
        connection.close()
