from bench.catalogue import QUESTIONS, Question, named, seconds_for
from bench.effort import Effort


def test_all_questions_together_may_take_15_minutes_and_the_quick_ones_two():
    assert sum(question.seconds for question in named([], quick=False)) <= 15 * 60
    assert sum(question.quick_seconds for question in named([], quick=True)) <= 2 * 60


def test_a_quick_run_asks_what_has_a_goal_and_whatever_is_named():
    assert named([], quick=False) == list(QUESTIONS)
    assert {question.name for question in QUESTIONS} - {question.name for question in named([], quick=True)} == {
        "alone",
        "in_flight",
        "overload",
        "generators",
        "pgbench",
        "alertmanager",
    }
    assert [question.name for question in named(["pgbench"], quick=True)] == ["pgbench"]


def test_who_comes_later_has_less_time_if_who_came_before_took_too_much_and_never_more():
    asked = [Question("accept", seconds=40, quick_seconds=4), Question("storm", seconds=60, quick_seconds=6)]
    assert seconds_for(asked, spent=0, quick=False) == 40
    assert seconds_for(asked, spent=50, quick=False) == 20
    assert seconds_for(asked, spent=500, quick=False) == 0
    assert seconds_for(asked, spent=-50, quick=False) == 40
    assert seconds_for(asked[1:], spent=3, quick=True) == 3


def test_rounds_end_with_their_part_of_the_time_of_the_question():
    planned = Effort(quick=False, seconds=60, begun=100).rounds(full=7, quick=2, until=0.5)
    assert (planned.rounds, planned.end, planned.least) == (7, 130, 3)


def test_a_quick_question_has_one_round_at_least_and_a_second_look_more_at_most():
    planned = Effort(quick=True, seconds=10, times=3, begun=0).rounds(full=7, quick=2)
    assert (planned.rounds, planned.end, planned.least) == (6, 10, 1)
