"""Round robin: incidents take turns at the targets of a level, and each keeps the turn that it was given."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from pager_domain.kernel import PolicyId

KEPT_FOR = timedelta(days=90)
"""After that an incident that is still open is given another turn."""

PolicyLevel = tuple[PolicyId, int]
"""A level, counted from 1, of a policy, whatever its revision."""


@dataclass(frozen=True, slots=True, order=True)
class Seat:
    """One incident at one level of a policy."""

    policy_id: PolicyId
    level: int
    incident_id: str

    @property
    def at(self) -> PolicyLevel:
        """The level at which turns are taken."""
        return self.policy_id, self.level


@dataclass(frozen=True, slots=True)
class Turns:
    """The turns that are needed for some questions: those taken, and which comes next at a level (0 if none was)."""

    taken: Mapping[Seat, int]
    upcoming: Mapping[PolicyLevel, int]

    def of(self, seat: Seat) -> int:
        """The turn of an incident; without an incident, or before it was given one, the next one."""
        return self.taken.get(seat, self.upcoming.get(seat.at, 0))

    def given(self, seats: Iterable[Seat]) -> "Turns":
        """These and, for each of ``seats`` that has none, the next turn of its level; in their order."""
        taken, upcoming = dict(self.taken), dict(self.upcoming)
        for seat in seats:
            if seat not in taken:
                taken[seat] = upcoming.get(seat.at, 0)
                upcoming[seat.at] = taken[seat] + 1
        return Turns(taken, upcoming)
