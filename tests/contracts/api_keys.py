"""What every store promises about API keys. A signer gives ``keys``, empty."""

from dataclasses import replace

import pytest
from fakes.access_builders import DAY, T0, a_grant, a_key

from pager_domain.access.errors import ApiKeyExists, ApiKeyUnknown
from pager_domain.access.keys import ApiKeyId
from pager_domain.access.principal import Role, Verb

EVERYTHING = a_grant(Role.RESPONDER, ["checkout", "ä"], [Verb.RAISE, Verb.READ], "ana")


class ApiKeysContract:
    @pytest.fixture
    async def keys(self):
        raise NotImplementedError

    @pytest.mark.parametrize(
        "key",
        [a_key(grant=a_grant(Role.ADMIN)), a_key(grant=EVERYTHING, expires_at=T0 + DAY, revoked_at=T0 + DAY / 7)],
        ids=["the least", "everything"],
    )
    async def test_a_key_is_kept_as_it_was_made(self, keys, key):
        assert await keys.add(key) == key
        assert await keys.find(key.key_id) == key

    async def test_what_nobody_made_is_not_found(self, keys):
        assert await keys.find(ApiKeyId("zzzz")) is None
        assert await keys.page(None, 10) == []
        with pytest.raises(ApiKeyUnknown):
            await keys.revoke(ApiKeyId("zzzz"), T0)

    async def test_making_it_again_changes_nothing_whoever_does_it_and_when(self, keys):
        key = await keys.add(a_key())
        again = replace(key, created_at=T0 + DAY, created_by="key:other")
        assert await keys.add(again) == key

    async def test_making_it_again_does_not_undo_that_it_was_revoked(self, keys):
        key = await keys.add(a_key())
        revoked = await keys.revoke(key.key_id, T0 + DAY)
        assert await keys.add(key) == revoked

    @pytest.mark.parametrize(
        "change",
        [{"secret_hash": bytes(32)}, {"grant": EVERYTHING}, {"name": "other"}, {"expires_at": T0 + DAY}],
        ids=lambda change: next(iter(change)),
    )
    async def test_an_id_with_other_content_is_refused(self, keys, change):
        key = await keys.add(a_key())
        with pytest.raises(ApiKeyExists):
            await keys.add(replace(key, **change))
        assert await keys.find(key.key_id) == key

    async def test_a_revocation_is_brought_forward_and_never_put_off(self, keys):
        key = await keys.add(a_key())
        for said, stands in ((T0 + 2 * DAY, T0 + 2 * DAY), (T0 + DAY, T0 + DAY), (T0 + 3 * DAY, T0 + DAY)):
            assert (await keys.revoke(key.key_id, said)).revoked_at == stands
            assert (await keys.find(key.key_id)).revoked_at == stands

    async def test_keys_are_listed_by_id_page_by_page(self, keys):
        made = [await keys.add(a_key(key_id)) for key_id in ("bbbb", "aaaa", "0000")]
        assert await keys.page(None, 2) == [made[2], made[1]]
        assert await keys.page(ApiKeyId("aaaa"), 2) == [made[0]]
