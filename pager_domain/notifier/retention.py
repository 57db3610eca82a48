"""Retention of the ledger: a delivery that has ended is forgotten when nobody can take a repeat of it for a new one.

Whoever repeats a request after ``REMEMBERED_FOR`` says so, and what the ledger does not know is then sent as a possible
duplicate. Until then it is surely known.
"""

from datetime import datetime, timedelta

from pager_domain.errors import InvalidField
from pager_domain.notifier.model import REMEMBERED_FOR, Delivery, DeliveryState

LEAST_KEPT = REMEMBERED_FOR + timedelta(days=1)
"""A day more than anybody counts on: two databases have two clocks."""
ENDED = frozenset({DeliveryState.ACCEPTED, DeliveryState.REFUSED, DeliveryState.UNKNOWN})
"""No further attempt follows these; a line in any other state is kept."""


def may_be_forgotten(delivery: Delivery, kept: timedelta, now: datetime) -> bool:
    """Whether ``delivery`` ended more than ``kept`` ago."""
    return delivery.state in ENDED and delivery.update_time < now - kept


def checked_kept(kept: timedelta) -> timedelta:
    """``kept`` if that is long enough.

    Raises:
        InvalidField: it is not.
    """
    if kept < LEAST_KEPT:
        raise InvalidField("retention", f"must be at least {LEAST_KEPT.days} days")
    return kept
