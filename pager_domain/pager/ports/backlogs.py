"""A look at what is under way."""

from typing import Protocol

from pager_domain.pager.backlog import Backlog


class Backlogs(Protocol):
    """Committed state only; what is over is not looked at."""

    async def look(self) -> Backlog:
        """What is under way now. Beyond a bound that the adapter sets it stops counting and says so.

        Raises:
            StoreUnavailable: it cannot be known now.
        """
