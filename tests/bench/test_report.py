"""What is written down is read back, judged by its goal and told without being touched by hand."""

import pytest

from bench import results, table
from bench.answer import Answer, Check, Row, at_least, at_most
from bench.catalogue import QUESTIONS
from bench.figures import Figure
from bench.report import read_all, written
from bench.results import Result

MET = Row("P1", "durable ÷ empty", Figure(0.81, 0.7, 0.9, 7), limit=at_least(0.8))
MISSED = Row("P10", "start ÷ import", Figure(5.0, 4.5, 6.0, 5), limit=at_most(4))
PLAIN = Row("P1", "empty call", Figure(3456.7, 3000, 4000, 5), "/s")
ABSENT = Row("P3", "stream ÷ unary", limit=at_least(8), note="not there yet")


def a_result(name: str = "accept", *rows: Row, checks: tuple[Check, ...] = ()) -> Result:
    circumstances = {"cores": 2, "load_before": [0.1]}, {"python": "3.11"}
    answer = Answer(list(rows), list(checks), {"rounds": [{"a": 1 / 3}]})
    return Result(name, "What does it cost?", "2026-01-01 00:00 UTC", False, 12.0, *circumstances, answer)


def test_a_goal_is_met_or_not_and_what_was_not_measured_is_neither():
    assert [row.verdict for row in (MET, MISSED, PLAIN, ABSENT)] == ["met", "not met", "", ""]


def test_a_result_is_read_as_it_was_written(tmp_path):
    result = a_result("accept", MET, PLAIN, ABSENT, checks=(Check("stored", 3, 3),))
    found = results.read(result.write(tmp_path))
    assert found.answer.rows == [MET, PLAIN, ABSENT]
    assert found.answer.checks == [Check("stored", 3, 3)]
    assert found.answer.raw == {"rounds": [{"a": 0.333333}]}
    assert found.sound


def test_a_figure_does_not_count_if_an_alert_is_missing():
    assert not a_result("accept", MET, checks=(Check("stored", 3, 2),)).sound


def test_the_report_tells_goals_first_and_then_every_row(tmp_path):
    a_result("cold_start", MISSED).write(tmp_path)
    a_result("accept", MET, PLAIN, checks=(Check("stored", 3, 2),)).write(tmp_path)
    text = written(read_all(tmp_path), {"latency.svg": "How soon"})
    goals, _, rest = text.partition("![How soon](plots/latency.svg)")
    assert "| P1 | durable ÷ empty | 0.81 | [0.7 … 0.9] of 7 | ≥ 0.8 | met |" in goals
    assert "| P10 | start ÷ import | 5 | [4.5 … 6] of 5 | ≤ 4 | not met |" in goals
    assert "3,457/s" not in goals
    assert "3,457/s" in rest
    assert "**the figures do not count**" in rest


def test_a_table_says_why_there_is_no_figure():
    assert "stream ÷ unary  not there yet" in table.plain([ABSENT])


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_every_question_asks_in_its_first_line(question):
    assert "?" in question.words
    assert callable(question.asked)
