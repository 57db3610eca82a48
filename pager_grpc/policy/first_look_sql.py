"""What one statement tells of policies: all that most questions need, without a transaction around it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NoReturn, TypeVar

from pager_domain.policy.people import PersonId
from pager_domain.policy.revisions import Definition, Kind, Revisioned, Standing
from pager_domain.policy.schedules import Schedule, ScheduleId
from pager_domain.policy.timetable import ScheduleAt
from pager_domain.policy.turns import PolicyLevel, Seat, Turns
from pager_grpc.policy.policy_reads_sql import SqlPolicyReads

D = TypeVar("D", bound=Definition)
R = TypeVar("R", bound=Revisioned[Any])


class MoreIsAsked(Exception):
    """Two statements are of one moment in a snapshot only."""


class FirstLook(SqlPolicyReads):
    """The directory and its moment: a statement is a snapshot of its own.

    Raises:
        MoreIsAsked: by everything that would need another statement.
    """

    async def now(self) -> datetime:
        """When the directory was read."""
        return self._read_at or _more()

    async def newest_entries(self, kind: Kind[D, R], entry_ids: Collection[str]) -> dict[str, R]:
        """Nobody, where nobody is asked for."""
        return _more() if entry_ids else {}

    async def entries_at(self, kind: Kind[D, R], entry_ids: Collection[str], moment: datetime) -> dict[str, R]:
        """More."""
        _more()

    async def entries_between(
        self, kind: Kind[D, R], entry_ids: Collection[str], start: datetime, end: datetime
    ) -> dict[str, list[Standing[R]]]:
        """More."""
        _more()

    async def schedules_at(self, asked: Collection[ScheduleAt]) -> dict[ScheduleAt, Schedule]:
        """None, where none is asked for."""
        return _more() if asked else {}

    async def schedules_naming(self, person_id: PersonId, start: datetime, end: datetime) -> list[ScheduleId]:
        """More."""
        _more()

    async def turns(self, levels: Collection[PolicyLevel], seats: Collection[Seat]) -> Turns:
        """More."""
        _more()


def _more() -> NoReturn:
    raise MoreIsAsked
