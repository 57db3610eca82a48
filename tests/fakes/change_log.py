"""The change log in a list."""

from collections.abc import Iterable
from datetime import datetime

from pager_domain.changes.model import Attribution, Change, ChangeRecord, RecordId
from pager_domain.changes.ports.change_log import AskedChanges, ChangeLog


class FakeChangeLog(ChangeLog):
    """``records`` as they came; ``attribution`` is whose the next ones are."""

    def __init__(self) -> None:
        self.records: list[ChangeRecord] = []
        self.attribution = Attribution("anonymous")

    def record(self, changes: Iterable[Change], now: datetime) -> None:
        for change in changes:
            self.records.append(ChangeRecord(RecordId(len(self.records) + 1), now, self.attribution, change))

    async def newest(self, asked: AskedChanges, limit: int, before: RecordId | None) -> list[ChangeRecord]:
        found = [r for r in reversed(self.records) if _is_asked(r, asked) and (before is None or r.record_id < before)]
        return found[:limit]


def _is_asked(record: ChangeRecord, asked: AskedChanges) -> bool:
    change = record.change
    return (
        asked.kind in (None, change.kind)
        and asked.object_id in (None, change.object_id)
        and (asked.since is None or record.recorded_at >= asked.since)
    )
