"""Where change records are kept."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pager_domain.changes.model import ChangeRecord, ObjectKind, RecordId


@dataclass(frozen=True, slots=True)
class AskedChanges:
    """Which records: of one kind, of one object, from a moment on; None stands for all."""

    kind: ObjectKind | None = None
    object_id: str | None = None
    since: datetime | None = None


class ChangeLog(Protocol):
    """Reads records. They are written in the transactions of what they tell, and nobody changes or deletes one."""

    async def newest(self, asked: AskedChanges, limit: int, before: RecordId | None) -> list[ChangeRecord]:
        """Up to ``limit`` records with lower ids than ``before``, the newest first.

        Raises:
            StoreUnavailable: the store cannot be reached.
        """
