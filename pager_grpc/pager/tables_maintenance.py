"""The tables of maintenance windows; see ``tables.py``."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index

from pager_grpc.pager.table_parts import PagerTable, id_text, json_document, moment, partial_index, plain_text

# Whoever takes this module for the schema has all of it.
from pager_grpc.pager.tables import metadata

__all__ = ["MaintenanceWindowRow", "MaintenanceWindowServiceRow", "metadata"]


class MaintenanceWindowRow(PagerTable, table=True):
    """A window; ``next_start_at`` is when it is looked at next, ``over_at`` when it will have been over for good."""

    __tablename__ = "maintenance_windows"
    __table_args__ = (
        CheckConstraint("deleted_at IS NULL OR next_start_at IS NULL", name="ck_maintenance_windows_deleted"),
        partial_index("ix_maintenance_windows_next_start_at", "next_start_at", where="next_start_at IS NOT NULL"),
        partial_index("uq_maintenance_windows_request_id", "request_id", where="request_id <> ''", unique=True),
    )

    window_id: str = id_text(primary_key=True)
    document: dict[str, Any] = json_document()
    request_id: str = plain_text()
    fingerprint: str = plain_text()
    created_at: datetime = moment()
    next_start_at: datetime | None = moment(nullable=True)
    over_at: datetime | None = moment(nullable=True)
    deleted_at: datetime | None = moment(nullable=True)


class MaintenanceWindowServiceRow(PagerTable, table=True):
    """A service that a window holds."""

    __tablename__ = "maintenance_window_services"
    __table_args__ = (
        Index("ix_maintenance_window_services_window_id", "window_id"),
        {"sqlite_with_rowid": False},
    )

    monitored_service_id: str = id_text(primary_key=True)
    window_id: str = id_text(primary_key=True)
