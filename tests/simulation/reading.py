"""What the stores of the nodes hold when all is over, read past the rooms."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sealed import SEALING
from simulation.history import LedgerLine

from pager_domain.pager.audit import IncidentRecord, PageRecord
from pager_domain.pager.events import Outcome
from pager_grpc.pager import page_rows, rows
from pager_grpc.runtime.columns import as_document, moment_of

_PAGES = """
SELECT n.*, b.state AS bundle_state FROM notifications AS n LEFT JOIN bundles AS b ON b.bundle_id = n.bundle_id
ORDER BY n.incident_id, n.notification_id
"""


def read_store(path: Path) -> list[IncidentRecord]:
    """Every incident with its timeline and its pages."""
    with closing(_opened(path)) as connection:
        current = {row["incident_id"] for row in connection.execute("SELECT incident_id FROM monitored_services")}
        incidents = connection.execute("SELECT * FROM incidents ORDER BY incident_id").fetchall()
        events = connection.execute("SELECT * FROM incident_events ORDER BY incident_id, sequence").fetchall()
        pages = connection.execute(_PAGES).fetchall()
    return [
        IncidentRecord(
            rows.incident_of(row, SEALING),
            tuple(rows.event_of(_typed(e)) for e in events if e["incident_id"] == row["incident_id"]),
            tuple(_page(p) for p in pages if p["incident_id"] == row["incident_id"]),
            is_current=row["incident_id"] in current,
        )
        for row in incidents
    ]


def read_ledger(path: Path) -> dict[str, LedgerLine]:
    """Every delivery."""
    with closing(_opened(path)) as connection:
        found = connection.execute("SELECT * FROM deliveries ORDER BY delivery_id").fetchall()
    return {
        row["delivery_id"]: LedgerLine(row["delivery_id"], row["state"], row["attempt_count"], row["doubt_count"])
        for row in found
    }


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    return connection


def _typed(event: sqlite3.Row) -> dict[str, Any]:
    row = dict(event)
    return row | {"at": moment_of(row["at"]), "document": as_document(row["document"])}


def _page(row: sqlite3.Row) -> PageRecord:
    bundle_id, bundle_state = row["bundle_id"] or "", row["bundle_state"] or "waiting"
    return PageRecord(
        page_rows.notification_of(row, SEALING), _outcome(row["state"]), bundle_id, _outcome(bundle_state)
    )


def _outcome(state: str) -> Outcome | None:
    return None if state == "waiting" else Outcome(state)
