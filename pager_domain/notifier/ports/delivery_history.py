"""Deliveries that have ended and are still in the ledger."""

from datetime import timedelta
from typing import Protocol


class DeliveryHistory(Protocol):
    """Forgets a little at a time, on any number of replicas at once."""

    async def forget(self, kept: timedelta) -> int:
        """Forgets some deliveries that ended more than ``kept`` ago, by the ledger's clock, in one short transaction.

        See :func:`~pager_domain.notifier.retention.may_be_forgotten`. Returns how many; 0: none is left but what
        another replica is forgetting.

        Raises:
            InvalidField: ``kept`` is shorter than the least.
            StoreUnavailable: the ledger cannot be reached.
        """
