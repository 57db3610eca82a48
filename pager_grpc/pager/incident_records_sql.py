"""Whole incidents, as the audit judges them: the incident, its timeline and its pages, read at one moment."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.pager.audit import IncidentRecord, PageRecord
from pager_domain.pager.events import IncidentId, Outcome
from pager_domain.pager.ports.incident_records import IncidentRecords
from pager_grpc.pager import page_rows, rows
from pager_grpc.pager.sealing import Sealing
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.selecting import Row, fetch, is_one_of, is_one_of_pairs

MAX_LINES = 1_000
"""A timeline longer than this is nearly all repeated alerts, and reading it would hold up paging."""

Key = tuple[str, str]
"""Service and incident."""


class SqlIncidentRecords(IncidentRecords):
    """Reads over one database."""

    def __init__(self, database: Database, sealing: Sealing) -> None:
        self._database = database
        self._sealing = sealing

    async def records(self, keys: Collection[Key]) -> list[IncidentRecord]:
        """Reads by key, in one snapshot."""
        async with self._database.snapshot() as connection:
            condition, binds = is_one_of_pairs(connection, "monitored_service_id, incident_id", keys)
            query = (
                f"SELECT monitored_service_id, incident_id FROM incidents WHERE {condition} AND event_count <= :most"
            )
            short = await fetch(connection, query, binds | {"most": MAX_LINES})
            return await read_records(connection, map(_key, short), self._sealing)


async def read_records(connection: AsyncConnection, keys: Iterable[Key], sealing: Sealing) -> list[IncidentRecord]:
    """The records of these incidents; on PostgreSQL the transaction must be REPEATABLE READ to see one moment."""
    condition, binds = is_one_of_pairs(connection, "monitored_service_id, incident_id", keys)

    async def found(table: str, order: str) -> list[Row]:
        return list(await fetch(connection, f"SELECT * FROM {table} WHERE {condition} ORDER BY {order}", binds))

    incidents = await found("incidents", "incident_id")
    current = {_key(row) for row in await found("monitored_services", "monitored_service_id")}
    events, pages = defaultdict(list), defaultdict(list)
    for row in await found("incident_events", "sequence"):
        events[_key(row)].append(rows.event_of(row))
    stored = list(await found("notifications", "notification_id"))
    bundles = await _bundle_states(connection, {row["bundle_id"] for row in stored if row["bundle_id"]})
    for row in stored:
        bundle_id = row["bundle_id"] or ""
        ends = _outcome_of(row["state"]), bundle_id, _outcome_of(bundles.get(bundle_id, "waiting"))
        pages[_key(row)].append(PageRecord(page_rows.notification_of(row, sealing), *ends))
    return [
        IncidentRecord(rows.incident_of(row, sealing), tuple(events[key]), tuple(pages[key]), key in current)
        for key, row in ((_key(row), row) for row in incidents)
    ]


async def _bundle_states(connection: AsyncConnection, ids: Collection[str]) -> dict[str, str]:
    if not ids:
        return {}
    condition, binds = is_one_of(connection, "bundle_id", ids)
    found = await fetch(connection, f"SELECT bundle_id, state FROM bundles WHERE {condition}", binds)
    return {row["bundle_id"]: row["state"] for row in found}


def _key(row: Any) -> tuple[str, IncidentId]:
    return row["monitored_service_id"], IncidentId(row["incident_id"])


def _outcome_of(state: str) -> Outcome | None:
    return None if state == "waiting" else Outcome(state)
