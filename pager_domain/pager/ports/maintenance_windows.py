"""Where maintenance windows are kept."""

from typing import Protocol

from pager_domain.pager.maintenance import MaintenanceWindow, MaintenanceWindowId
from pager_domain.pager.ports.incident_views import Scope


class MaintenanceWindows(Protocol):
    """The windows that are not deleted. What they do to incidents the unit of work of the services does."""

    async def create(self, window: MaintenanceWindow, request_id: str) -> MaintenanceWindow:
        """Stores ``window``; a repeat of the request gets what was stored first.

        Raises:
            InvalidField: it is over already.
            RequestIdReused: the request id was used for another window.
            StoreUnavailable: it may or may not be stored.
        """

    async def page(self, after: MaintenanceWindowId | None, limit: int, scope: Scope = None) -> list[MaintenanceWindow]:
        """Up to ``limit`` windows after that one, ordered by id, that hold services within ``scope`` only.

        Those that are over for two days are gone.
        """

    async def delete(self, window_id: MaintenanceWindowId, scope: Scope = None) -> None:
        """Ends a window; a repeat within two days succeeds.

        Raises:
            MaintenanceWindowUnknown: there is none of that id that holds services within ``scope`` only.
            StoreUnavailable: it may or may not be deleted.
        """

    async def seconds_until_start(self) -> float | None:
        """How long until the next one starts (0 or less: now); None if none will."""
