"""The use cases of keys: make, list, revoke. Who may is decided before, as of every other call."""

from datetime import datetime

from pager_domain.access.keys import ApiKey, ApiKeyId, Grant
from pager_domain.access.ports.api_keys import ApiKeys
from pager_domain.errors import InvalidField
from pager_domain.kernel import Clock


class AccessApplicationService:
    """Over the keys of one room."""

    def __init__(self, keys: ApiKeys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def create(
        self, key_id: ApiKeyId, name: str, grant: Grant, secret_hash: bytes, expires_at: datetime | None, *, by: str
    ) -> ApiKey:
        """The key as it is kept; making it again changes nothing. ``by`` is the principal that makes it.

        Raises:
            InvalidField: a value is malformed, or it would never count.
            ApiKeyExists: the id belongs to another key.
        """
        now = self._clock.now()
        if expires_at is not None and expires_at <= now:
            raise InvalidField("expire_time", "must lie in the future")
        return await self._keys.add(ApiKey(key_id, name, grant, secret_hash, now, by, expires_at))

    async def page(self, after: ApiKeyId | None, limit: int) -> list[ApiKey]:
        """Up to ``limit`` keys behind ``after``, ordered by id; those that count no more, too."""
        return await self._keys.page(after, limit)

    async def revoke(self, key_id: ApiKeyId, at: datetime | None) -> ApiKey:
        """The key, which counts no more from ``at`` on (now if None); a repeat changes nothing.

        Raises:
            ApiKeyUnknown: there is none.
        """
        now = self._clock.now()
        return await self._keys.revoke(key_id, now if at is None else max(at, now))
