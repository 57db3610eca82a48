"""Retention: how long what is over is kept, and what may be forgotten then. Pure.

Nothing is forgotten that anybody could still act on: an incident goes whole, and only when it is resolved and each of
its pages has ended.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pager_domain.errors import InvalidField
from pager_domain.pager.events import Outcome
from pager_domain.pager.model import Incident

ANSWERS_KEPT = timedelta(days=2)
"""Callers are promised 24 hours; whoever repeats a request at the last moment must still find the answer."""
LEAST_KEPT = ANSWERS_KEPT
"""An answer names its incident, so no incident goes before the answers that name it."""
_CALM_KEPT = timedelta(days=1)


class Past(StrEnum):
    """What can be over, in the order in which it is forgotten: what names something else goes before it."""

    REQUEST_ANSWER = "request_answer"
    INCIDENT = "incident"
    BUNDLE = "bundle"
    RECIPIENT = "recipient"


@dataclass(frozen=True, slots=True)
class Retention:
    """Incidents are kept for ``kept`` after they were resolved, bundles after they ended."""

    kept: timedelta

    def __post_init__(self) -> None:
        if self.kept < LEAST_KEPT:
            raise InvalidField("retention", f"must be at least {LEAST_KEPT.days} days")

    def horizons(self, now: datetime) -> dict[Past, datetime]:
        """What was over before these moments may be forgotten, in the order in which it must be."""
        return {
            Past.REQUEST_ANSWER: now - ANSWERS_KEPT,
            Past.INCIDENT: now - self.kept,
            Past.BUNDLE: now - self.kept,
            Past.RECIPIENT: now - _CALM_KEPT,
        }


def is_over(incident: Incident, pages: Collection[Outcome | None], horizon: datetime) -> bool:
    """Whether ``incident`` was resolved before ``horizon`` and none of its ``pages`` is still owed (None)."""
    return incident.resolved_at is not None and incident.resolved_at < horizon and None not in pages
