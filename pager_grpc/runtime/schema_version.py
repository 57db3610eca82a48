"""Which code may use a schema: one row that says from which revision on.

Revisions of a room are counted 0001, 0002, …, and code *knows* the newest one that it ships. A migration that old code
can live with leaves the row alone (expand); one that it cannot live with names itself there (contract). Every
connection says what its code knows, and the fence (``fence.py``) refuses the writes of code that knows too little; see
docs/decisions/0008.
"""

from dataclasses import dataclass

import sqlalchemy as sa

KNOWN_REVISION_SETTING = "hexagonal_pager.known_revision"
OUTDATED_CODE = "ZP001"
"""The SQLSTATE of a write that the fence refuses."""


@dataclass(frozen=True, slots=True)
class SchemaVersion:
    """Where a schema is, and the least that code must know to use it."""

    revision: int
    needed_revision: int

    def unusable_because(self, room: str, known: int) -> str:
        """Why code that knows the revisions up to ``known`` must not use it; empty if it may."""
        at = f"{room} database: schema is at revision {self.revision:04d}"
        if self.revision < known:
            return f"{at}, this version needs {known:04d}; run: pagerd migrate {room}"
        if self.needed_revision > known:
            return f"{at}, for versions that know {self.needed_revision:04d}; this one knows {known:04d}: upgrade it"
        return ""


def schema_version_table(metadata: sa.MetaData) -> sa.Table:
    """The table of the one row, for the metadata of a room."""
    return sa.Table(
        "schema_version",
        metadata,
        sa.Column("only_row", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("needed_revision", sa.Integer, nullable=False),
        sa.CheckConstraint("only_row = 1", name="ck_schema_version_only_row"),
    )
