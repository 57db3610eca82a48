import asyncio

import pytest
from prometheus_client import CollectorRegistry

from pager_domain.errors import StoreUnavailable
from pager_grpc.runtime import supervision
from pager_grpc.runtime.metrics import LoopFailures
from pager_grpc.runtime.supervision import Doorbell, LoopEnded, run_forever, running


async def test_a_ring_while_nobody_waits_is_kept():
    bell = Doorbell()
    bell.ring()
    await bell.wait(1000)


async def test_a_wait_ends_by_itself():
    await Doorbell().wait(0)


async def test_a_loop_survives_whatever_goes_wrong_and_is_woken_by_its_bell():
    bell, done, faults = Doorbell(), asyncio.Event(), [ZeroDivisionError(), StoreUnavailable()]
    calls = []

    async def step() -> float:
        calls.append(1)
        await asyncio.sleep(0)
        if faults:
            raise faults.pop()
        if len(calls) == 5:
            done.set()
        bell.ring()
        return 1000.0

    async with running(run_forever("test", step, bell)):
        await asyncio.wait_for(done.wait(), 10)
    assert len(calls) >= 5


async def test_a_loop_goes_on_however_often_it_failed(monkeypatch):
    """Through an outage of an hour, say."""
    monkeypatch.setattr(supervision, "_FIRST_PAUSE", 0.0)
    monkeypatch.setattr(supervision, "_LONGEST_PAUSE", 0.0)
    done, calls = asyncio.Event(), []

    async def step() -> float:
        calls.append(1)
        if len(calls) <= 3000:
            raise StoreUnavailable
        done.set()
        return 1000.0

    async with running(run_forever("test", step, Doorbell())):
        await asyncio.wait_for(done.wait(), 60)


async def test_steps_that_fail_are_counted():
    done, faults = asyncio.Event(), [ZeroDivisionError(), StoreUnavailable()]

    async def step() -> float:
        if faults:
            raise faults.pop()
        done.set()
        return 1000.0

    counted = CollectorRegistry()
    counted.register(LoopFailures())
    async with running(run_forever("counted", step, Doorbell())):
        await asyncio.wait_for(done.wait(), 10)
    assert counted.get_sample_value("loop_steps_failed_total", {"loop": "counted"}) == 2


async def test_loops_are_ended_and_awaited_with_their_owner():
    ended = []

    async def loop():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async with running(loop(), loop()):
        await asyncio.sleep(0)
    assert ended == [True, True]


async def test_a_loop_that_ends_by_an_error_ends_whoever_relies_on_it():
    async def loop():
        raise ZeroDivisionError

    with pytest.raises(LoopEnded) as ended:
        async with asyncio.timeout(10), running(asyncio.Event().wait(), loop(), loop()), running():
            await asyncio.Event().wait()
    assert isinstance(ended.value.__cause__, ZeroDivisionError)


async def test_a_loop_that_is_done_ends_nobody():
    async def loop():
        pass

    async with running(loop()):
        await asyncio.sleep(0)
        await asyncio.sleep(0)


async def test_an_error_of_the_owner_stays_what_it_is():
    with pytest.raises(KeyError):
        async with running(asyncio.Event().wait()):
            raise KeyError
