from itertools import count

import pytest

from bench.rounds import Bracketed, Interleaving, Sample, between


def _steady(figure: float, asked: list[float]):
    async def side() -> Sample:
        asked.append(figure)
        return Sample(figure, {"seen": figure * 10})

    return side


async def test_every_side_stands_between_two_measurements_of_the_base():
    asked: list[float] = []
    sides = {"half": _steady(50, asked), "double": _steady(200, asked)}
    rounds = await Interleaving(rounds=3).bracketed(_steady(100, asked), sides)
    assert asked[::2] == [100] * 7
    assert sorted(asked[1::2]) == [50] * 3 + [200] * 3
    assert rounds.ratio("half").median == 0.5
    assert rounds.ratio("double").median == 2
    assert rounds.seen("half", "seen").median == 500
    assert rounds.base().count == 6


async def test_a_machine_that_grows_slower_is_slower_for_both():
    speed = count(100, -10)

    async def side() -> Sample:
        return Sample(next(speed))

    rounds = await Interleaving(rounds=4).bracketed(side, {"same": side})
    assert rounds.ratio("same").low == pytest.approx(1)
    assert rounds.ratio("same").high == pytest.approx(1)


async def test_the_order_is_shuffled_and_the_same_for_the_same_seed():
    async def orders(seed: int) -> list[list[str]]:
        sides = {name: _steady(1, []) for name in "abcdef"}
        return [list(each) for each in await Interleaving(rounds=4, seed=seed).in_turn(sides)]

    assert await orders(1) == await orders(1)
    assert await orders(1) != await orders(2)
    assert all(sorted(order) == list("abcdef") for order in await orders(1))


async def test_when_time_is_up_there_are_the_least_rounds_and_no_more():
    assert len(await Interleaving(rounds=5, end=0).in_turn({"a": _steady(1, [])})) == 1
    assert len(await Interleaving(rounds=5, end=0, least=3).in_turn({"a": _steady(1, [])})) == 3
    assert len(await Interleaving(rounds=5).in_turn({"a": _steady(1, [])})) == 5


def test_sides_of_one_round_are_held_against_each_other():
    rounds = [{"a": Sample(2), "b": Sample(1)}, {"a": Sample(30), "b": Sample(10)}]
    assert between(rounds, "a", "b").high == 3
    assert Bracketed(Sample(3), Sample(1), Sample(2)).ratio == 2
