import asyncio

import pytest
from fakes.access_builders import T0, a_key
from fakes.api_keys import FakeApiKeys

from pager_domain.errors import StoreUnavailable
from pager_grpc.access import known_keys
from pager_grpc.access.known_keys import FRESH_SECONDS, STALE_SECONDS, KnownKeys

KEY = a_key()


class Waiting(FakeApiKeys):
    """Looks end when ``answers`` is set; ``running`` and ``most`` count them."""

    def __init__(self, *keys) -> None:
        super().__init__(*keys)
        self.answers = asyncio.Event()
        self.running = self.most = 0

    async def find(self, key_id):
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.answers.wait()
            return await super().find(key_id)
        finally:
            self.running -= 1


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


async def begun(*calls):
    """Tasks of these calls, each as far as it comes by itself."""
    tasks = [asyncio.create_task(call) for call in calls]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_a_key_in_use_costs_a_look_every_five_seconds(seconds):
    keys = FakeApiKeys(KEY)
    known = KnownKeys(keys, {}, seconds)
    for _ in range(9):
        assert await known.find(KEY.key_id) == KEY
        seconds.now += 1
    assert len(keys.finds) == 2


async def test_a_revocation_is_known_within_five_seconds(seconds):
    keys = FakeApiKeys(KEY)
    known = KnownKeys(keys, {}, seconds)
    await known.find(KEY.key_id)
    revoked = await keys.revoke(KEY.key_id, T0)
    seconds.now += FRESH_SECONDS
    assert await known.find(KEY.key_id) == revoked


async def test_what_is_changed_here_is_known_at_once(seconds):
    keys = FakeApiKeys()
    known = KnownKeys(keys, {}, seconds)
    assert await known.find(KEY.key_id) is None
    await keys.add(KEY)
    known.forget(KEY.key_id)
    assert await known.find(KEY.key_id) == KEY


async def test_without_its_database_a_known_key_counts_for_a_minute(seconds):
    keys = FakeApiKeys(KEY)
    known = KnownKeys(keys, {}, seconds)
    await known.find(KEY.key_id)
    keys.reachable = False
    seconds.now += STALE_SECONDS - 1
    assert await known.find(KEY.key_id) == KEY
    seconds.now += 2
    with pytest.raises(StoreUnavailable):
        await known.find(KEY.key_id)
    keys.reachable = True
    assert await known.find(KEY.key_id) == KEY


async def test_a_database_that_is_away_is_asked_once_a_second(seconds):
    keys = FakeApiKeys(KEY)
    known = KnownKeys(keys, {}, seconds)
    await known.find(KEY.key_id)
    keys.reachable = False
    seconds.now += FRESH_SECONDS
    for _ in range(10):
        await known.find(KEY.key_id)
    assert len(keys.finds) == 2


async def test_a_key_of_the_configuration_needs_no_database(seconds):
    keys = FakeApiKeys()
    keys.reachable = False
    assert await KnownKeys(keys, {KEY.key_id: KEY}, seconds).find(KEY.key_id) == KEY


async def test_calls_at_the_same_time_share_a_look(seconds):
    keys = Waiting(KEY)
    known = KnownKeys(keys, {}, seconds)
    calls = await begun(*(known.find(KEY.key_id) for _ in range(20)))
    keys.answers.set()
    assert await asyncio.gather(*calls) == [KEY] * 20
    assert len(keys.finds) == 1


async def test_a_caller_that_gives_up_takes_nobody_along(seconds):
    keys = Waiting(KEY)
    known = KnownKeys(keys, {}, seconds)
    first, second = await begun(known.find(KEY.key_id), known.find(KEY.key_id))
    first.cancel()
    await asyncio.wait([first])
    keys.answers.set()
    assert await second == KEY


async def test_strangers_do_not_take_the_database_from_those_who_are_known(seconds):
    keys = Waiting(KEY)
    known = KnownKeys(keys, {}, seconds)
    keys.answers.set()
    await known.find(KEY.key_id)
    keys.answers.clear()
    strangers = await begun(*(known.find(f"stranger{n}") for n in range(50)))
    seconds.now += FRESH_SECONDS
    mine = await begun(known.find(KEY.key_id))
    assert keys.running == keys.most == 3
    keys.answers.set()
    assert await asyncio.gather(*mine) == [KEY]
    assert set(await asyncio.gather(*strangers)) == {None}


async def test_however_many_keys_are_tried_the_memory_is_bounded(seconds, monkeypatch):
    monkeypatch.setattr(known_keys, "MAX_KEYS", 3)
    keys = FakeApiKeys(*(a_key(f"key{n}") for n in range(9)))
    known = KnownKeys(keys, {}, seconds)
    for n in range(1500):
        await known.find(f"key{n}")
    assert len(known._known) == 3
    assert len(known._strangers) <= 1000
