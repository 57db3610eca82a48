"""The durable memory of what was handed to providers."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pager_domain.notifier.model import Delivery, DeliveryState

Rule = Callable[[Delivery | None, datetime], Delivery]
"""What a line becomes: from the stored delivery (None if there is none) and the ledger's time."""


@dataclass(frozen=True, slots=True)
class LedgerPosition:
    """The place of a delivery in the ledger's order: by creation, then by id."""

    create_time: datetime
    delivery_id: str


class DeliveryLedger(Protocol):
    """One line for each delivery id, changed by one at a time."""

    async def change(self, delivery_id: str, rule: Rule) -> Delivery:
        """Applies ``rule`` to the line of ``delivery_id`` and returns what it gave, durably stored.

        Nobody else changes the line meanwhile. ``rule`` must be pure: it may be called again when a transaction
        loses to another. If it raises, nothing is stored and the error comes through.

        Raises:
            StoreUnavailable: the ledger cannot be reached; the change may or may not be stored.
        """

    async def change_foreseen(self, delivery_id: str, stored: Delivery | None, rule: Rule) -> Delivery:
        """As ``change``, for a caller who expects the line to be ``stored`` (None: no line yet); this may be wrong.

        The line need not be read first then, and ``rule`` may be told a moment that is not the ledger's time: it must
        not compare that moment with others. A moment that it gives is stored as far from the ledger's time as it was
        from the moment that the rule was told.
        """

    async def find(self, delivery_id: str) -> Delivery | None:
        """The line of ``delivery_id``.

        Raises:
            StoreUnavailable: the ledger cannot be reached.
        """

    async def newest(
        self, states: Collection[DeliveryState], limit: int, before: LedgerPosition | None
    ) -> Sequence[Delivery]:
        """At most ``limit`` deliveries, the newest first, older than ``before``, in one of ``states`` (all if empty).

        Raises:
            StoreUnavailable: the ledger cannot be reached.
        """
