"""Where people and schedules are kept, with every revision they ever had."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar

from pager_domain.policy.revisions import Definition, Kind, Record, Revisioned, Standing
from pager_domain.policy.schedule_changes import IN_A_LAYER, Naming

D = TypeVar("D", bound=Definition)
R = TypeVar("R", bound=Revisioned[Any])


@dataclass(frozen=True, slots=True)
class NamedBy:
    """A live schedule or policy that names an entry, and where in the schedule."""

    kind: str
    entry_id: str
    place: Naming = IN_A_LAYER


class RosterReads(Protocol):
    """Reads, in a transaction or outside of one; ``kind`` is ``PEOPLE`` or ``SCHEDULES``.

    Every method raises :class:`~pager_domain.errors.StoreUnavailable` when the store cannot be reached.
    """

    async def newest_entries(self, kind: Kind[D, R], entry_ids: Collection[str]) -> dict[str, R]:
        """The newest revisions of those of ``entry_ids`` (up to 10000) that exist and have not ended, by id."""

    async def entries_at(self, kind: Kind[D, R], entry_ids: Collection[str], moment: datetime) -> dict[str, R]:
        """The revisions that stood at ``moment`` (aware), by id; one made at that very moment stands."""

    async def entries_between(
        self, kind: Kind[D, R], entry_ids: Collection[str], start: datetime, end: datetime
    ) -> dict[str, list[Standing[R]]]:
        """The revisions that stood at some time from ``start`` up to ``end`` (aware), by id, the earliest first."""


class RosterUnitOfWork(RosterReads, Protocol):
    """The roster's part of a transaction."""

    async def lock_entry(self, kind: Kind[D, R], entry_id: str) -> Record[D, R]:
        """What has become of ``entry_id``; other writers of the same entry wait until this transaction ends."""

    async def hold_entries(self, kind: Kind[D, R], entry_ids: Collection[str]) -> dict[str, R]:
        """As ``newest_entries``; until this transaction ends, nobody changes or ends them.

        Whoever is about to name entries holds them, and whoever is about to end one has locked it and then asks
        ``named_by``: so nothing that is live names what has ended. What names is locked before what is named.
        """

    async def save_entry(self, kind: Kind[D, R], entry: R) -> None:
        """Keeps ``entry`` as the newest revision of its id."""

    async def end_entry(self, kind: Kind[D, R], entry_id: str, now: datetime) -> None:
        """Ends a live entry ``now``; its revisions stay."""

    async def named_by(self, kind: Kind[D, R], entry_id: str) -> NamedBy | None:
        """The first live schedule or policy that names the entry; None if none does.

        An override or a shift swap that has been over for more than 30 days names nobody.
        """


class RosterStore(RosterReads, Protocol):
    """Reads outside of a transaction."""

    async def entries(self, kind: Kind[D, R], after: str | None, limit: int) -> list[R]:
        """Up to ``limit`` entries that have not ended, ordered by id (by code point), with ids behind ``after``."""
