"""When all is over: waiting until nothing is owed, reading what the stores hold, and looking through the logs."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from nemesis.cluster import Cluster
from sealed import SEALING
from simulation.history import History, LedgerLine
from simulation.moments import Bounds

from pager_domain.pager.audit import IncidentRecord
from pager_grpc.pager.incident_records_sql import read_records
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.selecting import fetch

QUIET_WITHIN_SECONDS = 150.0
"""A snooze takes a minute or more, and then its levels come."""
_OWED = """
SELECT (SELECT count(*) FROM notifications WHERE state = 'waiting') AS pages,
       (SELECT count(*) FROM incidents WHERE next_escalation_at IS NOT NULL) AS levels
"""


async def quiet(cluster: Cluster) -> list[str]:
    """Waits until no page is owed and no level is due; what still is after a while."""
    database = open_database(cluster.db.url("pager").render_as_string(hide_password=False))
    end = time.monotonic() + QUIET_WITHIN_SECONDS
    try:
        while True:
            async with database.begin() as connection:
                (row,) = await fetch(connection, _OWED, {})
            if not row["pages"] and not row["levels"]:
                return []
            if time.monotonic() > end:
                return [
                    f"L3 after {QUIET_WITHIN_SECONDS:g} s of peace {row['pages']} pages and {row['levels']} levels wait"
                ]
            await asyncio.sleep(0.5)
    finally:
        await database.close()


def unanswered(history: History, bounds: Bounds) -> list[str]:
    """Calls that were not answered though no fault was on, and none had been for as long as recovery may take."""
    return [
        f"L3 {call.operation} {call.request_id} was not answered, {call.began - calm_since:.1f} s after the last fault"
        for call in history.calls
        if call.outcome == "unknown"
        and not any(fault.began <= call.ended and call.began <= fault.ended for fault in history.faults)
        and call.began > (calm_since := _calm_since(history, call.began)) + bounds.recovery
    ]


def _calm_since(history: History, moment: float) -> float:
    return max((fault.ended for fault in history.faults if fault.ended <= moment), default=0.0)


async def stored(cluster: Cluster) -> list[IncidentRecord]:
    """Every incident with its timeline and its pages, at one moment."""
    database = open_database(cluster.db.url("pager").render_as_string(hide_password=False))
    try:
        async with database.snapshot() as connection:
            found = await fetch(connection, "SELECT monitored_service_id, incident_id FROM incidents", {})
            keys = [(row["monitored_service_id"], row["incident_id"]) for row in found]
            return await read_records(connection, keys, SEALING) if keys else []
    finally:
        await database.close()


async def bundles(cluster: Cluster) -> dict[str, str]:
    """The words of every bundle, by its id."""
    database = open_database(cluster.db.url("pager").render_as_string(hide_password=False))
    try:
        async with database.snapshot() as connection:
            found = await fetch(connection, "SELECT bundle_id, body FROM bundles", {})
    finally:
        await database.close()
    return {row["bundle_id"]: row["body"] for row in found}


async def ledger(cluster: Cluster) -> dict[str, LedgerLine]:
    """Every delivery."""
    database = open_database(cluster.db.url("notifier").render_as_string(hide_password=False))
    query = "SELECT delivery_id, state, attempt_count, doubt_count FROM deliveries"
    try:
        async with database.snapshot() as connection:
            rows = await fetch(connection, query, {})
    finally:
        await database.close()
    return {row["delivery_id"]: LedgerLine(**row) for row in rows}


def loud_lines(folder: Path, names: Iterable[str]) -> Counter[str]:
    """What the rooms logged as an error, by event and what was thrown; anything that is no log line too."""
    found: Counter[str] = Counter()
    for name in names:
        room = name.partition("-")[0]
        for line in (folder / f"{name}.log").read_text().splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                found[f"{room}: {line[:200]}"] += 1
                continue
            if entry.get("level") in ("error", "critical"):
                thrown = str(entry.get("exception", "")).strip().splitlines()[-1:] or [str(entry.get("error", ""))]
                found[f"{room}: {entry.get('event')} {thrown[0][:200]}"] += 1
    return found
