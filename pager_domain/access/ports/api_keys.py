"""Where a room keeps the keys that it knows."""

from datetime import datetime
from typing import Protocol

from pager_domain.access.keys import ApiKey, ApiKeyId


class ApiKeys(Protocol):
    """The keys of one room; whatever was made stays, so that a log line can be traced to its key.

    Raises:
        StoreUnavailable: by every method; a change may or may not be stored.
    """

    async def find(self, key_id: ApiKeyId) -> ApiKey | None:
        """The key of that id, whether it counts or not."""

    async def add(self, key: ApiKey) -> ApiKey:
        """Stores ``key``; one that is there already with the same content is left and returned.

        Raises:
            ApiKeyExists: the id belongs to another key.
        """

    async def page(self, after: ApiKeyId | None, limit: int) -> list[ApiKey]:
        """Up to ``limit`` keys behind ``after``, ordered by id."""

    async def revoke(self, key_id: ApiKeyId, at: datetime) -> ApiKey:
        """The key, which counts no more from ``at`` on, or from earlier if that was said before.

        Raises:
            ApiKeyUnknown: there is none.
        """
