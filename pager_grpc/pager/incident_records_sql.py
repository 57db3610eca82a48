"""Whole incidents, as the audit judges them: the incident, its timeline and its pages, read at one moment."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from pager_domain.pager.audit import IncidentRecord, PageRecord
from pager_domain.pager.events import IncidentId, Outcome
from pager_grpc.pager import rows
from pager_grpc.runtime.selecting import Row, fetch, is_one_of_pairs

Key = tuple[str, str]
"""Service and incident."""


async def read_records(connection: AsyncConnection, keys: Iterable[Key]) -> list[IncidentRecord]:
    """The records of these incidents; on PostgreSQL the transaction must be REPEATABLE READ to see one moment."""
    condition, binds = is_one_of_pairs(connection, "monitored_service_id, incident_id", keys)

    async def found(table: str, order: str) -> list[Row]:
        return list(await fetch(connection, f"SELECT * FROM {table} WHERE {condition} ORDER BY {order}", binds))

    incidents = await found("incidents", "incident_id")
    current = {_key(row) for row in await found("monitored_services", "monitored_service_id")}
    events, pages = defaultdict(list), defaultdict(list)
    for row in await found("incident_events", "sequence"):
        events[_key(row)].append(rows.event_of(row))
    for row in await found("notifications", "notification_id"):
        pages[_key(row)].append(PageRecord(rows.notification_of(row), _outcome_of(row["state"])))
    return [
        IncidentRecord(rows.incident_of(row), tuple(events[_key(row)]), tuple(pages[_key(row)]), _key(row) in current)
        for row in incidents
    ]


def _key(row: Any) -> tuple[str, IncidentId]:
    return row["monitored_service_id"], IncidentId(row["incident_id"])


def _outcome_of(state: str) -> Outcome | None:
    return None if state == "waiting" else Outcome(state)
