"""Keys in a dictionary."""

from pager_domain.access.errors import ApiKeyExists, ApiKeyUnknown
from pager_domain.access.ports.api_keys import ApiKeys
from pager_domain.errors import StoreUnavailable


class FakeApiKeys(ApiKeys):
    """``reachable`` says whether it answers; ``finds`` are the ids that were looked up."""

    def __init__(self, *keys) -> None:
        self.keys = {key.key_id: key for key in keys}
        self.reachable = True
        self.finds = []

    async def find(self, key_id):
        self.finds.append(key_id)
        self._reach()
        return self.keys.get(key_id)

    async def add(self, key):
        self._reach()
        known = self.keys.setdefault(key.key_id, key)
        if not known.is_same_as(key):
            raise ApiKeyExists(key.key_id)
        return known

    async def page(self, after, limit):
        self._reach()
        return [key for key_id, key in sorted(self.keys.items()) if key_id > (after or "")][:limit]

    async def revoke(self, key_id, at):
        self._reach()
        if key_id not in self.keys:
            raise ApiKeyUnknown(key_id)
        self.keys[key_id] = self.keys[key_id].revoked(at)
        return self.keys[key_id]

    def _reach(self):
        if not self.reachable:
            raise StoreUnavailable
