import asyncio
from contextvars import copy_context

import pytest
from simulation.virtual_time import OWNER, Owner, Stuck, VirtualTimeLoop


def run(main, **bounds):
    loop = VirtualTimeLoop(**bounds)
    try:
        return loop.run_until_complete(main(loop))
    finally:
        loop.close()


def test_a_day_passes_at_once_and_the_clock_has_seen_it():
    async def main(loop):
        await asyncio.sleep(80_000)
        return loop.time()

    assert run(main) == 80_000


def test_timers_fire_in_the_order_of_their_times_and_then_of_their_making():
    async def main(loop):
        order = []
        for name, delay in (("c", 2), ("a", 1), ("b", 1), ("d", 2)):
            loop.call_later(delay, order.append, name)
        loop.call_later(1, order.append, "never").cancel()
        await asyncio.sleep(3)
        return order

    assert run(main) == ["a", "b", "c", "d"]


def test_timeouts_and_cancellation_work_as_on_any_loop():
    async def main(loop):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1))
            group.create_task(asyncio.sleep(2))
        return loop.time()

    assert run(main) == 7


def test_what_an_executor_does_is_done_when_the_call_returns():
    async def main(loop):
        done = loop.run_in_executor(None, lambda a: a + 1, 41)
        assert done.done()
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(None, lambda: 1 / 0)
        return await done

    assert run(main) == 42


def test_nothing_of_a_dead_owner_runs_any_more_not_even_its_cleanup():
    heard = []

    async def process(event):
        try:
            heard.append("began")
            await event.wait()
            heard.append("went on")
        finally:
            heard.append("cleaned up")

    async def main(loop):
        owner, event = Owner("a process"), asyncio.Event()
        context = copy_context()
        context.run(OWNER.set, owner)
        loop.create_task(process(event), context=context)
        await asyncio.sleep(1)
        owner.alive = False
        event.set()
        await asyncio.sleep(1)
        assert heard == ["began"]

    run(main)


def test_a_run_that_waits_for_nothing_says_what_waits():
    async def waits_for_ever(loop):
        await asyncio.Event().wait()

    with pytest.raises(Stuck, match=r"nothing will ever happen again: .*waits_for_ever"):
        run(waits_for_ever)


def test_a_run_that_takes_too_long_ends():
    async def main(loop):
        while True:
            await asyncio.sleep(1)

    with pytest.raises(Stuck, match="100 s of virtual time are over"):
        run(main, until=100)


def test_a_run_whose_time_stands_still_ends():
    async def main(loop):
        while True:
            await asyncio.sleep(0)

    with pytest.raises(Stuck, match="time stands still"):
        run(main, at_once=1000)
