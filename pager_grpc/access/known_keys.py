"""The keys that are in use, kept for a few seconds, so that a call costs no query."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic

from pager_domain.access.keys import ApiKey, ApiKeyId
from pager_domain.access.ports.api_keys import ApiKeys
from pager_domain.errors import StoreUnavailable

FRESH_SECONDS = 5.0
"""So long a key is taken for what it was; a revocation takes effect within this time."""
STALE_SECONDS = 60.0
"""So long it is when the database does not answer: callers do not lose their names in a short outage."""
_PAUSE_SECONDS = 1.0
"""After a look that failed, or that found nothing, nobody looks again for so long."""
MAX_KEYS = 10_000
_MAX_STRANGERS = 1_000
_LOOKS_FOR_STRANGERS = 2
"""At the same time: callers whom nobody knows must not take the connections of those who are known."""


@dataclass(slots=True)
class _Known:
    key: ApiKey
    looked_at: float
    good_until: float


class KnownKeys:
    """Keys by id, from ``permanent`` or from the database. ``seconds`` is a clock that never goes back."""

    def __init__(
        self, keys: ApiKeys, permanent: Mapping[ApiKeyId, ApiKey], seconds: Callable[[], float] = monotonic
    ) -> None:
        self._keys = keys
        self._permanent = permanent
        self._seconds = seconds
        self._known: OrderedDict[ApiKeyId, _Known] = OrderedDict()
        self._strangers: OrderedDict[ApiKeyId, float] = OrderedDict()
        self._looking: dict[ApiKeyId, asyncio.Future[ApiKey | None]] = {}
        self._for_strangers = asyncio.Semaphore(_LOOKS_FOR_STRANGERS)

    async def find(self, key_id: ApiKeyId) -> ApiKey | None:
        """The key of that id as it was at most 5 seconds ago, or 60 while the database does not answer.

        Raises:
            StoreUnavailable: the database does not answer and the key was not seen lately.
        """
        if (permanent := self._permanent.get(key_id)) is not None:
            return permanent
        now = self._seconds()
        if (known := self._known.get(key_id)) is not None and now < known.good_until:
            return known.key
        if self._strangers.get(key_id, 0.0) > now:
            return None
        while (under_way := self._looking.get(key_id)) is not None:
            # Whoever began the look may give up; then it is cancelled, and the next one looks.
            await asyncio.wait([under_way])
            if not under_way.cancelled():
                return under_way.result()
        return await self._look(key_id)

    def forget(self, key_id: ApiKeyId) -> None:
        """The next call that shows it looks again: it was made or revoked here."""
        self._known.pop(key_id, None)
        self._strangers.pop(key_id, None)

    async def _look(self, key_id: ApiKeyId) -> ApiKey | None:
        self._looking[key_id] = under_way = asyncio.get_running_loop().create_future()
        try:
            found = await self._found(key_id)
        except StoreUnavailable as error:
            under_way.set_exception(error)
            under_way.exception()  # perhaps nobody else waits for it
            raise
        else:
            under_way.set_result(found)
            return found
        finally:
            under_way.cancel()
            del self._looking[key_id]

    async def _found(self, key_id: ApiKeyId) -> ApiKey | None:
        known = self._known.get(key_id)
        try:
            if known is not None:
                found = await self._keys.find(key_id)
            else:
                async with self._for_strangers:
                    found = await self._keys.find(key_id)
        except StoreUnavailable:
            now = self._seconds()
            if known is None or now - known.looked_at >= STALE_SECONDS:
                raise
            known.good_until = now + _PAUSE_SECONDS
            return known.key
        self._keep(key_id, found)
        return found

    def _keep(self, key_id: ApiKeyId, found: ApiKey | None) -> None:
        now = self._seconds()
        if found is None:
            self._strangers[key_id] = now + _PAUSE_SECONDS
            _forget_oldest(self._strangers, _MAX_STRANGERS)
        else:
            self._known[key_id] = _Known(found, now, now + FRESH_SECONDS)
            self._known.move_to_end(key_id)
            _forget_oldest(self._known, MAX_KEYS)


def _forget_oldest(entries: "OrderedDict[ApiKeyId, _Known] | OrderedDict[ApiKeyId, float]", most: int) -> None:
    while len(entries) > most:
        entries.popitem(last=False)
