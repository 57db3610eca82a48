"""The roster in a dictionary: a part of the fake policy store."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from pager_domain.policy.ports.roster_store import NamedBy, RosterStore, RosterUnitOfWork
from pager_domain.policy.recording import Recording
from pager_domain.policy.revisions import Kind, Record, Standing
from pager_domain.policy.schedule_changes import naming_of
from pager_domain.policy.schedules import SCHEDULES


class FakeRoster(RosterStore, RosterUnitOfWork):
    """``roster`` holds, for each kind and id, the revisions and when each ended, if it did."""

    recording: Recording
    roster: dict[tuple[str, str], tuple[tuple[Any, datetime | None], ...]]

    async def newest_entries(self, kind: Kind, entry_ids: Collection[str]) -> dict[str, Any]:
        self._reach()
        records = {entry_id: self._entry(kind, entry_id) for entry_id in entry_ids}
        return {entry_id: record.live for entry_id, record in records.items() if record.live is not None}

    async def entries_at(self, kind: Kind, entry_ids: Collection[str], moment: datetime) -> dict[str, Any]:
        self._reach()
        found = {}
        for entry_id in entry_ids:
            made = [kept for kept in self.roster.get((kind.name, entry_id), ()) if kept[0].update_time <= moment]
            if made and (made[-1][1] is None or made[-1][1] > moment):
                found[entry_id] = made[-1][0]
        return found

    async def entries_between(
        self, kind: Kind, entry_ids: Collection[str], start: datetime, end: datetime
    ) -> dict[str, list[Standing]]:
        self._reach()
        found = {}
        for entry_id in entry_ids:
            kept = self.roster.get((kind.name, entry_id), ())
            nexts = [*(entry.update_time for entry, _ in kept[1:]), None]
            stood = [Standing(entry, ended or after) for (entry, ended), after in zip(kept, nexts, strict=False)]
            seen = [s for s in stood if s.entry.update_time < end and (s.until is None or s.until > start)]
            if seen:
                found[entry_id] = seen
        return found

    async def entries(self, kind: Kind, after: str | None, limit: int) -> list[Any]:
        self._reach()
        return [entry for entry in self._live_entries(kind) if entry.entry_id > (after or "")][:limit]

    async def lock_entry(self, kind: Kind, entry_id: str) -> Record:
        record = self._entry(kind, entry_id)
        self.recording.found(kind, entry_id, record.live)
        return record

    async def hold_entries(self, kind: Kind, entry_ids: Collection[str]) -> dict[str, Any]:
        return await self.newest_entries(kind, entry_ids)

    async def save_entry(self, kind: Kind, entry: Any) -> None:
        key = (kind.name, entry.entry_id)
        self.roster[key] = (*self.roster.get(key, ()), (entry, None))
        self.recording.became(kind, entry.entry_id, entry)

    async def end_entry(self, kind: Kind, entry_id: str, now: datetime) -> None:
        *before, (last, _) = self.roster[kind.name, entry_id]
        self.roster[kind.name, entry_id] = (*before, (last, now))
        self.recording.became(kind, entry_id, None)

    async def named_by(self, kind: Kind, entry_id: str) -> NamedBy | None:
        if kind.name == "person":
            now = await self.now()
            for schedule in self._live_entries(SCHEDULES):
                if (place := naming_of(schedule.definition, entry_id, now)) is not None:
                    return NamedBy("schedule", schedule.entry_id, place)
        return None

    def _entry(self, kind: Kind, entry_id: str) -> Record:
        kept = self.roster.get((kind.name, entry_id), ())
        if not kept:
            return Record(kind, entry_id)
        last, ended = kept[-1]
        return Record(kind, entry_id, last.revision, None if ended else last)

    def _live_entries(self, kind: Kind) -> list[Any]:
        ids = sorted(entry_id for name, entry_id in self.roster if name == kind.name)
        return [record.live for entry_id in ids if (record := self._entry(kind, entry_id)).live is not None]

    def _reach(self) -> None:
        """Raises StoreUnavailable while the store is out of reach."""
