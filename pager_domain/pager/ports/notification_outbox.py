"""The pages that are still owed: the transactional outbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from pager_domain.pager.events import NotificationSettled
from pager_domain.pager.model import Notification


@dataclass(frozen=True, slots=True)
class Claim:
    """A page held by one delivery until its lease ends.

    ``attempt`` counts the claims of this page from 1 and so is its fencing token: only the newest claim counts.
    ``lost_claims`` says how many claims before this one, in a row, ended without a record.
    """

    notification: Notification
    attempt: int
    incident_is_open: bool
    lost_claims: int = 0


@dataclass(frozen=True, slots=True)
class Settled:
    """The page has reached its end."""

    claim: Claim
    event: NotificationSettled


@dataclass(frozen=True, slots=True)
class Postponed:
    """The page could not be handed off yet and is owed again after ``pause``; the notifier was ``reached`` or not."""

    claim: Claim
    pause: timedelta
    reason: str
    reached: bool = True


class NotificationOutbox(Protocol):
    """Pages that wait, each claimed by one delivery at a time on any number of replicas."""

    async def claim(self, limit: int) -> list[Claim]:
        """Claims up to ``limit`` pages that are owed now, each for one lease (10 s).

        The most severe come first, among equals the longest owed.

        A page whose lease ended without a record is owed again.
        """

    async def record(self, results: Sequence[Settled | Postponed]) -> int:
        """Records what became of claimed pages, and the end of a page in the timeline of its incident.

        A result of a claim that is no longer the page's newest is ignored. A level of which every page has ended and
        none was handed off is told to the rules (``PagerService.on_level_undeliverable``). Returns how many results
        were recorded.
        """

    async def seconds_until_due(self) -> float | None:
        """How long until a page is owed (0 or less: now); None if none is."""
