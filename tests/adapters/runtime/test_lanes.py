"""Who waits and who is refused when there is more to do than can be done."""

import asyncio

from pager_grpc.runtime.lanes import Gate

LONG = 100.0


async def entering(gate, calls):
    """Calls that ask for a place, after each has been heard."""
    asking = [asyncio.create_task(gate.enter()) for _ in range(calls)]
    await settled()
    return asking


async def settled():
    for _ in range(5):
        await asyncio.sleep(0)


def granted(calls):
    return [call.result() for call in calls if call.done()]


async def test_a_place_is_taken_and_given_back():
    gate = Gate(1, LONG)
    assert await gate.enter()
    gate.leave()
    assert await gate.enter()
    assert (gate.inside, gate.crowded) == (1, False)


async def test_as_many_wait_as_there_are_places_and_the_next_is_refused_at_once():
    gate = Gate(2, LONG)
    calls = await entering(gate, 5)
    assert granted(calls) == [True, True, False]
    assert gate.crowded
    for call in calls:
        call.cancel()


async def test_who_leaves_makes_room_for_who_has_waited_longest():
    gate = Gate(1, LONG)
    inside, first = await entering(gate, 2)
    gate.leave()
    await settled()
    assert (inside.result(), first.result(), gate.inside) == (True, True, 1)


async def test_who_waited_in_vain_is_refused_and_leaves_no_trace():
    gate = Gate(1, 0.01)
    assert await gate.enter()
    assert not await gate.enter()
    assert not gate.crowded
    gate.leave()
    assert gate.inside == 0


async def test_a_caller_that_goes_while_it_waits_takes_no_place():
    gate = Gate(1, LONG)
    _, waiting = await entering(gate, 2)
    waiting.cancel()
    await settled()
    gate.leave()
    assert (gate.inside, gate.crowded) == (0, False)


async def test_a_caller_that_goes_in_the_moment_it_is_let_in_gives_its_place_back():
    gate = Gate(1, LONG)
    _, first = await entering(gate, 2)
    gate.leave()  # lets it in, but it has not heard of it yet
    first.cancel()
    await settled()
    assert gate.inside == 0
    assert await gate.enter()


async def test_while_somebody_waits_in_a_lane_that_matters_more_a_lane_has_a_quarter_of_its_places():
    important = Gate(1, LONG)
    gate = Gate(8, LONG, before=[important])
    pressing = await entering(important, 2)
    calls = await entering(gate, 8)
    assert granted(calls) == [True, True]
    important.leave()  # nobody waits there any more
    gate.leave()
    await settled()
    assert granted(calls) == [True] * 8
    assert len(granted(pressing)) == 2


async def test_even_a_lane_that_matters_little_has_one_place_left():
    important = Gate(1, LONG)
    gate = Gate(2, LONG, before=[important])
    pressing = await entering(important, 2)
    assert await gate.enter()
    for call in pressing:
        call.cancel()
