"""What is under way at one moment: pages that are owed, levels that are due, incidents that are not over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from pager_domain.errors import InvalidField
from pager_domain.pager.targets import Channel


class PageStage(StrEnum):
    """How far a page has come that has not ended.

    DUE: it may be taken now. IN_FLIGHT: an attempt is under way. POSTPONED: it is owed and was put off, by a provider,
    an absent notifier or a storm. LATER: it is not owed yet.
    """

    DUE = "due"
    IN_FLIGHT = "in_flight"
    POSTPONED = "postponed"
    LATER = "later"


class IncidentStage(StrEnum):
    """What an incident that is not resolved waits for.

    OPEN: its next level. HELD: the end of a snooze or of a maintenance window. EXHAUSTED: nothing, all levels were
    notified in vain. ACKNOWLEDGED: whoever has it.
    """

    OPEN = "open"
    HELD = "held"
    EXHAUSTED = "exhausted"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True, slots=True)
class Backlog:
    """What was found. What is not named in ``pages`` or ``incidents`` is not there.

    ``oldest`` is how long the oldest page that is owed and not handed off has been owed, put off or not; None if none
    is. ``in_doubt`` counts pages of which an attempt ended without a word. ``latest`` is how long the level that has
    been due longest has been due; None if none is. ``complete``: everything was counted; otherwise each number is at
    least so much.
    """

    pages: Mapping[tuple[PageStage, Channel], int] = field(default_factory=dict)
    oldest: timedelta | None = None
    in_doubt: int = 0
    incidents: Mapping[IncidentStage, int] = field(default_factory=dict)
    levels_due: int = 0
    latest: timedelta | None = None
    complete: bool = True

    def __post_init__(self) -> None:
        numbers = (*self.pages.values(), *self.incidents.values(), self.in_doubt, self.levels_due)
        if min(numbers) < 0:
            raise InvalidField("backlog", "must not count less than nothing")

    def pages_in(self, stage: PageStage) -> int:
        """Pages of every channel in ``stage``."""
        return sum(count for (found, _), count in self.pages.items() if found is stage)
