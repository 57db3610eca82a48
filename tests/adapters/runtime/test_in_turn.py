"""Requests of a stream overlap; nobody who hears the answers can tell."""

import asyncio
from contextlib import aclosing

import pytest

from pager_grpc.runtime.in_turn import InTurn


class Work:
    """Answers to numbers, each given once it is told to; what was read, begun and cancelled."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.begun: list[int] = []
        self.cancelled: list[int] = []
        self._answers: dict[int, asyncio.Future[str]] = {}

    async def requests(self, *numbers, fails=None):
        for number in numbers:
            self.read.append(number)
            yield number
        if fails is not None:
            raise fails

    async def answered(self, number) -> str:
        self.begun.append(number)
        try:
            return await self._answer(number)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            self.cancelled.append(number)
            raise

    def answer(self, *numbers) -> None:
        for number in numbers:
            self._answer(number).set_result(f"no. {number}")

    def fail(self, number) -> None:
        self._answer(number).set_exception(ZeroDivisionError(number))

    def _answer(self, number) -> asyncio.Future[str]:
        return self._answers.setdefault(number, asyncio.get_running_loop().create_future())

    def in_turn(self, requests, reads_on=lambda _size: True):
        """Each number is as large as it says."""
        return InTurn(requests, self.answered, size_of=lambda number: number, reads_on=reads_on).answers()


@pytest.fixture
async def work():
    async with asyncio.timeout(10):
        yield Work()


async def heard(answers, into=None):
    into = [] if into is None else into
    async for answer in answers:
        into.append(answer)
    return into


async def until_it_rests():
    for _ in range(50):
        await asyncio.sleep(0)


async def test_answers_come_in_the_order_of_the_requests_whichever_is_ready_first(work):
    hearing = asyncio.create_task(heard(work.in_turn(work.requests(1, 2, 3)), into := []))
    await until_it_rests()
    work.answer(3, 2)
    await until_it_rests()
    assert (work.begun, into) == ([1, 2, 3], [])
    work.answer(1)
    assert await hearing == ["no. 1", "no. 2", "no. 3"]


async def test_it_is_asked_with_the_size_that_is_under_way_whether_it_reads_on(work):
    hearing = asyncio.create_task(heard(work.in_turn(work.requests(1, 2, 3, 4, 5), lambda size: size < 3)))
    await until_it_rests()
    assert work.read == [1, 2]
    work.answer(1)  # room for one, and a larger one comes
    await until_it_rests()
    assert work.read == [1, 2, 3]
    work.answer(2)
    await until_it_rests()
    assert work.read == [1, 2, 3]
    work.answer(3, 4, 5)
    assert len(await hearing) == 5
    assert work.begun == [1, 2, 3, 4, 5]


async def test_with_nothing_under_way_it_reads_in_any_case(work):
    hearing = asyncio.create_task(heard(work.in_turn(work.requests(1, 2), lambda _size: False)))
    await until_it_rests()
    assert work.read == [1]
    work.answer(1, 2)
    assert len(await hearing) == 2


async def test_an_answer_does_not_wait_for_a_request_that_is_yet_to_come(work):
    async def one_and_then_silence():
        yield 1
        await asyncio.Event().wait()

    work.answer(1)
    async with aclosing(work.in_turn(one_and_then_silence())) as answers:
        assert await anext(answers) == "no. 1"


async def test_what_fails_does_so_after_the_answers_before_it_and_nothing_comes_after(work):
    hearing = asyncio.create_task(heard(work.in_turn(work.requests(1, 2, 3)), into := []))
    await until_it_rests()
    work.fail(2)
    await until_it_rests()
    assert not hearing.done()
    work.answer(1)
    with pytest.raises(ZeroDivisionError):
        await hearing
    assert (into, work.cancelled) == (["no. 1"], [3])


@pytest.mark.parametrize("fault", [EOFError, asyncio.CancelledError])
async def test_a_stream_that_breaks_does_so_after_the_answers_to_what_was_read(work, fault):
    hearing = asyncio.create_task(heard(work.in_turn(work.requests(1, 2, fails=fault())), into := []))
    await until_it_rests()
    work.answer(2, 1)
    with pytest.raises(fault):
        await hearing
    assert into == ["no. 1", "no. 2"]


async def test_who_goes_away_leaves_nothing_under_way(work):
    ended = asyncio.Event()

    async def and_then_silence():
        try:
            yield 1
            await asyncio.Event().wait()
        finally:
            ended.set()

    hearing = asyncio.create_task(heard(work.in_turn(and_then_silence())))
    await until_it_rests()
    hearing.cancel()
    await asyncio.wait([hearing])
    assert hearing.cancelled()
    assert (work.cancelled, ended.is_set()) == ([1], True)


async def test_a_stream_without_requests_has_no_answers(work):
    assert await heard(work.in_turn(work.requests())) == []
