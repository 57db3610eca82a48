import asyncio
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy import make_url

from pager_grpc.pager.wakeups import CHANNEL, Wakeups, Work, listen
from pager_grpc.runtime.supervision import running


@asynccontextmanager
async def two_replicas(url):
    """Both listen: each has rung for what it may have missed."""
    one, other = Wakeups(), Wakeups()
    async with asyncio.timeout(30), running(listen(url, one), listen(url, other)):
        for replica in (one, other):
            for bell in (replica.escalation, replica.delivery):
                await bell.wait(30)
        yield one, other


async def test_what_one_replica_committed_wakes_the_other_and_is_told_once(postgres_url):
    async with two_replicas(postgres_url) as (one, other):
        one.committed(Work.DELIVERY + Work.EVENTS)
        await other.delivery.wait(30)
        assert not other.escalation._rung.is_set()
        assert one.delivery._rung.is_set()
        await one.delivery.wait(0)
        other.committed(Work.ESCALATION)
        await one.escalation.wait(30)
        assert not one.delivery._rung.is_set(), "its own word came back as if it were another's"
        assert one.take_untold() == other.take_untold() == ""


async def test_replicas_hear_each_other_at_an_address_that_names_several_servers(postgres_url, tmp_path):
    """In the words of everything else that opens the database."""
    url = make_url(postgres_url)
    several = {"host": (f"{tmp_path}:5432", f"{url.query['host']}:5432"), "ssl": "prefer"}
    async with two_replicas(url.set(query=several).render_as_string(hide_password=False)) as (one, other):
        one.committed(Work.DELIVERY)
        await other.delivery.wait(30)
        assert one.take_untold() == ""


async def test_what_is_committed_soon_after_is_told_with_it(postgres_url):
    heard, one = asyncio.Queue(), Wakeups()
    dsn = make_url(postgres_url).set(drivername="postgresql").render_as_string(hide_password=False)
    listener = await asyncpg.connect(dsn)
    try:
        await listener.add_listener(CHANNEL, lambda *said: heard.put_nowait(said[-1]))
        async with asyncio.timeout(30), running(listen(postgres_url, one, tell_after=0.2)):
            await one.escalation.wait(30)
            one.committed(Work.ESCALATION)
            for _ in range(10):
                await asyncio.sleep(0)
            one.committed(Work.EVENTS)
            assert await heard.get() == Work.ESCALATION + Work.EVENTS
    finally:
        await listener.close()


async def test_who_leaves_tells_what_it_has_just_committed(postgres_url):
    one, other = Wakeups(), Wakeups()
    async with asyncio.timeout(30), running(listen(postgres_url, other)):
        await other.escalation.wait(30)
        async with running(listen(postgres_url, one, tell_after=3600)):
            await one.escalation.wait(30)
            one.committed(Work.ESCALATION)
        await other.escalation.wait(30)
        assert one.take_untold() == ""


async def test_an_address_may_say_what_is_for_others_than_the_driver(postgres_url):
    url = make_url(postgres_url).update_query_dict({"prepared_statement_cache_size": "0", "timeout": "9"})
    async with two_replicas(url.render_as_string(hide_password=False)) as (one, other):
        one.committed(Work.DELIVERY)
        await other.delivery.wait(30)
        assert one.take_untold() == ""
