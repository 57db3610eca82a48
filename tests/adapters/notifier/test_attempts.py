import asyncio

import pytest

from pager_domain.notifier.errors import DeliveryUnknown
from pager_grpc.notifier.attempts import RunningAttempts


class Attempt:
    """Runs until its gate is opened."""

    def __init__(self, fault=None):
        self.begun, self.gate, self.recorded = asyncio.Event(), asyncio.Event(), False
        self.fault = fault

    async def run(self):
        self.begun.set()
        await self.gate.wait()
        self.recorded = True
        if self.fault:
            raise self.fault
        return "taken"


async def abandoned(attempts, attempt):
    caller = asyncio.create_task(attempts.run(attempt.run()))
    await attempt.begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller


async def test_a_caller_hears_what_became_of_the_attempt():
    attempt = Attempt()
    attempt.gate.set()
    assert await RunningAttempts().run(attempt.run()) == "taken"
    failing = Attempt(DeliveryUnknown("page-1"))
    failing.gate.set()
    with pytest.raises(DeliveryUnknown):
        await RunningAttempts().run(failing.run())


@pytest.mark.parametrize("fault", [None, DeliveryUnknown("page-1"), ZeroDivisionError("a bug")])
async def test_an_attempt_outlives_a_caller_who_hangs_up_and_is_awaited_at_the_end(fault):
    attempts, attempt = RunningAttempts(), Attempt(fault)
    await abandoned(attempts, attempt)
    assert not attempt.recorded
    attempt.gate.set()
    await attempts.finish(10)
    assert attempt.recorded


async def test_an_attempt_that_never_ends_is_cut_off():
    attempts, attempt = RunningAttempts(), Attempt()
    await abandoned(attempts, attempt)
    await attempts.finish(0.01)
    assert not attempt.recorded
    await attempts.finish(0.01)
