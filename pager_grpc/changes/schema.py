"""For migrations: the table of change records, and the guards that keep it append-only."""

from alembic import op

from pager_grpc.changes.tables import columns, indexes
from pager_grpc.runtime.guards import Guard, create_guards, drop_guards

_GUARDS = (
    Guard("gd_change_records_written_once", "change_records", "UPDATE"),
    Guard("gd_change_records_kept", "change_records", "DELETE"),
)


def create_change_records() -> None:
    """Inside a migration: the table and its guards."""
    op.create_table("change_records", *columns())
    for index in indexes():
        op.create_index(str(index.name), "change_records", [str(column) for column in index.expressions])
    create_guards(*_GUARDS)


def drop_change_records() -> None:
    """Inside a migration: removes both, and every record."""
    drop_guards(*_GUARDS)
    op.drop_table("change_records")
