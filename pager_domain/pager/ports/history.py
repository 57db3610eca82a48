"""What is over and still kept."""

from datetime import datetime
from typing import Protocol

from pager_domain.pager.retention import Past


class History(Protocol):
    """Forgets a little at a time, on any number of replicas at once."""

    async def now(self) -> datetime:
        """The present moment, by the clock that all replicas share."""

    async def forget(self, what: Past, horizon: datetime) -> int:
        """Forgets some of ``what`` was over before ``horizon``, in one short transaction, the oldest first.

        A request answer is over when it is given, an incident as :func:`~pager_domain.pager.retention.is_over` says
        (it goes with its pages and its timeline; one of more lines than a transaction can take goes in several, and is
        last itself), a bundle when it has ended and none of its pages is left, a recipient when it is calm.

        Returns how many rows are gone; 0: nothing is left but what another replica is forgetting.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
