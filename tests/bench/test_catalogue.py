from bench.catalogue import QUESTIONS, named
from bench.effort import Effort


def test_all_questions_together_may_take_15_minutes_and_the_quick_ones_two():
    assert sum(question.seconds for question in named([], quick=False)) <= 15 * 60
    assert sum(question.quick_seconds for question in named([], quick=True)) <= 2 * 60


def test_a_quick_run_asks_what_has_a_goal_and_whatever_is_named():
    assert named([], quick=False) == list(QUESTIONS)
    assert {question.name for question in QUESTIONS} - {question.name for question in named([], quick=True)} == {
        "alone",
        "in_flight",
        "generators",
        "pgbench",
        "alertmanager",
    }
    assert [question.name for question in named(["pgbench"], quick=True)] == ["pgbench"]


def test_rounds_end_with_their_part_of_the_time_of_the_question():
    planned = Effort(quick=False, seconds=60, begun=100).rounds(full=7, quick=2, until=0.5)
    assert (planned.rounds, planned.end, planned.least) == (7, 130, 3)


def test_a_quick_question_has_one_round_at_least_and_a_second_look_more_at_most():
    planned = Effort(quick=True, seconds=10, times=3, begun=0).rounds(full=7, quick=2)
    assert (planned.rounds, planned.end, planned.least) == (6, 10, 1)
