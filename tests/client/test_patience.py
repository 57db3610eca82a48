"""Pauses between repeats."""

import random

import pytest

from pager_grpc.client.patience import FIRST_PAUSE, LONGEST_PAUSE, RetryBudget, backoff


@pytest.fixture(autouse=True)
def dice():
    random.seed(20261129)


@pytest.mark.parametrize(("attempt", "longest"), [(1, FIRST_PAUSE), (2, 0.4), (4, 1.6), (7, 10), (1000, LONGEST_PAUSE)])
def test_a_pause_is_anything_up_to_a_bound_that_doubles(attempt, longest):
    pauses = [backoff(attempt) for _ in range(2000)]
    assert 0 <= min(pauses) < longest * 0.05
    assert longest * 0.95 < max(pauses) <= longest


def test_quick_repeats_are_a_tenth_of_the_answers_when_the_first_ten_are_spent():
    budget = RetryBudget()
    for _ in range(10):
        assert budget.pause(1) <= FIRST_PAUSE
    assert budget.pause(1) >= LONGEST_PAUSE / 2
    for _ in range(11):
        budget.answered()
    assert budget.pause(1) <= FIRST_PAUSE
    assert budget.pause(1) >= LONGEST_PAUSE / 2


def test_a_long_calm_saves_up_no_more_than_ten_quick_repeats():
    budget = RetryBudget()
    for _ in range(10_000):
        budget.answered()
    quick = sum(budget.pause(1) <= FIRST_PAUSE for _ in range(20))
    assert quick == 10
