"""The pages that are still owed: the transactional outbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from pager_domain.pager.events import NotificationSettled, Outcome
from pager_domain.pager.notification import Bundle, Notification
from pager_domain.values import value


@value
class Claim:
    """A page, or a bundle of pages, held by one delivery until its lease ends.

    ``attempt`` counts the claims of it from 1 and so is its fencing token: only the newest claim counts.
    ``lost_claims`` says how many claims before this one, in a row, ended without a record. ``is_wanted``: its incident
    is open and not held, and no answer has stopped it since it was made; of a bundle, at least one page is wanted.
    ``age`` is the time since the page was owed first, or the bundle made; ``ages_in_bundle`` is, of a bundle, the time
    since each of its pages was owed first, in their order.
    """

    notification: Notification | Bundle
    attempt: int
    is_wanted: bool
    lost_claims: int = 0
    age: timedelta = timedelta()
    ages_in_bundle: tuple[timedelta, ...] = ()

    @property
    def since_first_attempt(self) -> timedelta:
        """How long ago the first attempt may have been; none if this is the first."""
        return self.age if self.attempt > 1 else timedelta()

    @property
    def pages(self) -> tuple[Notification, ...]:
        """The pages that end with it."""
        return self.notification.pages if isinstance(self.notification, Bundle) else (self.notification,)

    @property
    def page_ages(self) -> tuple[timedelta, ...]:
        """How long ago each of :attr:`pages` was owed first, in their order."""
        return self.ages_in_bundle if isinstance(self.notification, Bundle) else (self.age,)


@value
class Settled:
    """The claim has reached its end: ``events`` has one for each of its pages, in their order.

    ``reached``: the notifier has said so; None: it was not asked.
    """

    claim: Claim
    outcome: Outcome
    events: tuple[NotificationSettled, ...]
    reached: bool | None = None


@dataclass(frozen=True, slots=True)
class Postponed:
    """It could not be handed off yet and is owed again after ``pause``.

    The notifier was ``reached`` or not; None: it was not asked.
    """

    claim: Claim
    pause: timedelta
    reason: str
    reached: bool | None = True


@dataclass(frozen=True, slots=True)
class Dissolved:
    """A bundle that was certainly not taken: its pages are owed again, each alone."""

    claim: Claim
    reason: str
    reached: bool | None = True


Result = Settled | Postponed | Dissolved


class NotificationOutbox(Protocol):
    """Pages that wait, each claimed by one delivery at a time on any number of replicas."""

    async def claim(self, limit: int) -> list[Claim]:
        """Claims what up to ``limit`` messages can carry of what is owed now, each for one lease (10 s).

        A page waits here until its delay is over: the outbox is the schedule.

        The most severe come first, among equals the longest owed. A page that was never claimed goes as
        :func:`~pager_domain.pager.storm.arranged` says: alone, in a bundle, or later.

        What was claimed and not recorded before its lease ended is owed again.
        """

    async def record(self, results: Sequence[Result]) -> int:
        """Records what became of claims, and the end of each page in the timeline of its incident.

        A result of a claim that is no longer the newest is ignored. When a page was refused for good, the next one of
        its target is due now (:func:`~pager_domain.pager.refusals.owed_at_once`). A level of which every page has ended
        and none was handed off is told to the rules (``PagerService.on_level_undeliverable``). Returns how many results
        were recorded.
        """

    async def seconds_until_due(self) -> float | None:
        """How long until a page or a bundle is owed (0 or less: now); None if none is."""
