"""The simulation itself: it repeats itself, it makes failures smaller, and it can fail."""

import pytest
from simulation.__main__ import seeds_of
from simulation.commands import simulate
from simulation.history import History
from simulation.planted import PLANTED
from simulation.shrinking import shrunk
from simulation.world import Outcome

FOUND_WITHIN = {
    "the-outbox-forgets": "2,",
    "sent-before-it-is-stored": "10",
    "answered-before-the-commit": "5",
    "nobody-is-woken": "6",
    "repeats-are-forgotten": "10",
}


@pytest.mark.timeout(600)
def test_a_seed_is_the_same_story_in_every_process_and_after_every_other():
    together, again = simulate("6", "--digest"), simulate("6", "--digest")
    alone = simulate("5,", "--digest")
    assert together.returncode == 0, together.stderr
    assert together.stdout == again.stdout
    assert together.stdout.splitlines()[-1:] == alone.stdout.splitlines()
    assert len(set(together.stdout.split())) == 12


@pytest.mark.timeout(600)
@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found_and_told(bug):
    ended = simulate(FOUND_WITHIN[bug], "--plant", bug, "--shrink-seconds", "0")
    assert ended.returncode == 1, ended.stdout + ended.stderr
    assert "made of" in ended.stdout
    assert "failed: SEEDS=" in ended.stdout


def a_run(happened, violations=("S4 twice",)):
    return Outcome(7, History(), list(violations), list(happened))


def failing_with(*needed):
    """Runs that fail exactly when everything ``needed`` happens."""
    everything = [f"fault {n}" for n in range(40)]

    def again(seed, spared):
        happened = [name for name in everything if name not in spared]
        return a_run(happened, ["S4 twice"] if set(needed) <= set(happened) else [])

    return again


def test_a_failure_is_shrunk_to_what_it_needs():
    again = failing_with("fault 3", "fault 31")
    small, spared = shrunk(again(7, frozenset()), 60, again)
    assert small.happened == ["fault 3", "fault 31"]
    assert len(spared) == 38


def test_a_run_that_fails_otherwise_is_not_the_same_failure():
    def again(seed, spared):
        return a_run([], ["S1 lost"])

    failed = a_run(["fault 1", "fault 2"])
    assert shrunk(failed, 60, again) == (failed, frozenset())


def test_shrinking_ends_when_its_time_is_over():
    failed = a_run(["fault 1", "fault 2"])
    assert shrunk(failed, 0, failing_with()) == (failed, frozenset())


@pytest.mark.parametrize(("text", "seeds"), [("3", [0, 1, 2]), ("17,", [17]), ("5-7", [5, 6, 7]), ("1,8-9", [1, 8, 9])])
def test_seeds_are_a_number_a_range_or_a_list(text, seeds):
    assert seeds_of(text) == seeds
