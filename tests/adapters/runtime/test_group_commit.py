import asyncio

import pytest

from pager_domain.errors import InvalidField, StoreUnavailable
from pager_grpc.runtime.group_commit import GroupCommit
from pager_grpc.runtime.supervision import running


class Committer:
    """Doubles numbers; 13 is refused, 0 is a surprise; ``gate`` holds the commit back while it is closed."""

    def __init__(self):
        self.batches, self.gate = [], asyncio.Event()
        self.gate.set()

    async def __call__(self, batch):
        self.batches.append(list(batch))
        await self.gate.wait()
        if 0 in batch:
            raise ZeroDivisionError
        if 404 in batch:
            raise StoreUnavailable
        return [InvalidField("number", "must not be 13") if item == 13 else item * 2 for item in batch]


async def begun(committer):
    while not committer.batches:
        await asyncio.sleep(0)


async def test_what_arrives_while_a_commit_is_in_flight_shares_the_next_one():
    committer = Committer()
    committer.gate.clear()
    group = GroupCommit(committer, 3)
    async with running(group.run()):
        first = asyncio.create_task(group.submit(1))
        await begun(committer)
        rest = [asyncio.create_task(group.submit(n)) for n in (2, 3, 4, 5)]
        await asyncio.sleep(0)
        committer.gate.set()
        assert await asyncio.gather(first, *rest) == [2, 4, 6, 8, 10]
    assert committer.batches == [[1], [2, 3, 4], [5]]


async def turns(number):
    for _ in range(number):
        await asyncio.sleep(0)


async def after_some_turns(group, number):
    """What is on its way: it needs some turns of the loop until it is there."""
    await turns(3)
    return await group.submit(number)


async def test_after_a_shared_batch_the_next_one_takes_in_what_is_on_its_way():
    committer = Committer()
    group = GroupCommit(committer, 9, rest=1e9)
    async with running(group.run()), asyncio.timeout(10):
        await asyncio.gather(group.submit(1), group.submit(2))
        on_their_way = (after_some_turns(group, 4), after_some_turns(group, 5))
        assert await asyncio.gather(group.submit(3), *on_their_way) == [6, 8, 10]
    assert committer.batches == [[1, 2], [3, 4, 5]]


async def test_a_batch_that_is_full_waits_for_nobody():
    committer = Committer()
    group = GroupCommit(committer, 2, rest=1e9)
    async with running(group.run()), asyncio.timeout(10):
        await asyncio.gather(group.submit(1), group.submit(2))
        full = asyncio.gather(group.submit(3), group.submit(4))
        await turns(4)
        assert committer.batches == [[1, 2], [3, 4]]
        assert await full == [6, 8]


async def test_a_lone_item_lets_nobody_wait():
    committer = Committer()
    group = GroupCommit(committer, 2, rest=1e9)
    async with running(group.run()), asyncio.timeout(10):
        assert await group.submit(1) == 2
        assert await asyncio.gather(group.submit(2), after_some_turns(group, 3)) == [4, 6]
    assert committer.batches == [[1], [2], [3]]


async def test_on_a_loop_that_is_never_calm_a_batch_begins_after_its_rest():
    committer = Committer()
    group = GroupCommit(committer, 10**9, rest=1.0)

    async def always_more():
        while True:
            submitted.append(asyncio.create_task(group.submit(3)))
            await asyncio.sleep(0)

    submitted = []
    async with running(group.run()), asyncio.timeout(10):
        await asyncio.gather(group.submit(1), group.submit(2))
        async with running(always_more()):
            while len(committer.batches) < 3:
                await asyncio.sleep(0)
        assert set(await asyncio.gather(*submitted)) == {6}


async def test_one_that_is_refused_or_breaks_the_commit_fails_alone():
    committer = Committer()
    group = GroupCommit(committer, 10)
    async with running(group.run()):
        results = await asyncio.gather(*(group.submit(n) for n in (1, 13, 0, 2)), return_exceptions=True)
    assert [type(result) for result in results] == [int, InvalidField, ZeroDivisionError, int]


async def test_all_of_a_batch_that_may_not_stand_are_told():
    group = GroupCommit(Committer(), 10)
    async with running(group.run()):
        results = await asyncio.gather(*(group.submit(n) for n in (1, 404)), return_exceptions=True)
        assert [type(result) for result in results] == [StoreUnavailable] * 2
        assert await group.submit(1) == 2


async def test_who_waits_when_the_process_ends_learns_that_it_may_not_stand():
    committer = Committer()
    committer.gate.clear()
    group = GroupCommit(committer, 10)
    async with running(group.run()):
        waiting = asyncio.create_task(group.submit(1))
        await begun(committer)
    with pytest.raises(StoreUnavailable):
        await waiting


async def test_a_submitter_that_went_away_harms_nobody():
    committer = Committer()
    committer.gate.clear()
    group = GroupCommit(committer, 10)
    async with running(group.run()):
        gone = asyncio.create_task(group.submit(1))
        await begun(committer)
        gone.cancel()
        other = asyncio.create_task(group.submit(2))
        committer.gate.set()
        assert await other == 4
    assert committer.batches[0] == [1]


async def test_a_group_shares_one_batch_and_gets_its_results_in_order():
    committer = Committer()
    group = GroupCommit(committer, 4)
    async with running(group.run()):
        results = await asyncio.gather(group.submit_all([1, 2]), group.submit(3), group.submit_all([4, 13]))
    assert results[:2] == [[2, 4], 6]
    assert results[2][0] == 8
    assert isinstance(results[2][1], InvalidField)
    assert committer.batches == [[1, 2, 3], [4, 13]]


async def test_a_group_above_the_limit_is_a_batch_of_its_own():
    committer = Committer()
    group = GroupCommit(committer, 2)
    async with running(group.run()):
        results = await asyncio.gather(group.submit(1), group.submit_all(range(2, 8)), group.submit(8))
    assert results == [2, [4, 6, 8, 10, 12, 14], 16]
    assert committer.batches == [[1], [2, 3, 4, 5, 6, 7], [8]]
