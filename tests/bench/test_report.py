"""What is written down is read back, judged by its goal and told without being touched by hand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench import plots, results, table
from bench.answer import Answer, Check, Row, at_least, at_most
from bench.catalogue import QUESTIONS
from bench.figures import Figure
from bench.report import read_all, write, written
from bench.results import Result

RECORDED = Path(__file__).parent / "recorded"
MET = Row("P1", "durable ÷ empty", Figure(0.81, 0.7, 0.9, 7), limit=at_least(0.8))
MISSED = Row("P10", "start ÷ import", Figure(5.0, 4.5, 6.0, 5), limit=at_most(4))
PLAIN = Row("P1", "empty call", Figure(3456.7, 3000, 4000, 5), "/s")
ABSENT = Row("P3", "stream ÷ unary", limit=at_least(8), note="not there yet")


def a_result(name: str = "accept", *rows: Row, checks: tuple[Check, ...] = (), busy: float = 0.02) -> Result:
    answer = Answer(list(rows), list(checks), {"rounds": [{"a": 1 / 3}]})
    return Result(
        question=name,
        words="What does it cost?",
        at="2026-01-01 00:00 UTC",
        quick=False,
        seconds=12.0,
        machine={"cores": 2, "load_before": [0.1]},
        versions={"python": "3.11"},
        busy=busy,
        answer=answer,
    )


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


def test_a_list_of_numbers_is_one_line_of_the_file(tmp_path):
    result = a_result("accept", MET)
    result.answer.raw["ms"] = [[0.5, 1.25], [1.0, 7]]
    assert '"ms": [\n   [0.5, 1.25],\n   [1.0, 7]\n  ]' in result.write(tmp_path).read_text()


def test_the_page_tells_goals_first_in_their_order_and_then_every_row(tmp_path):
    a_result("cold_start", MISSED).write(tmp_path)
    a_result("accept", MET, PLAIN).write(tmp_path)
    text = written(read_all(tmp_path), [plots.Picture("latency.svg", "How soon", "Beside the floor.", ())])
    goals, _, rest = text.partition("![How soon](performance/latency.svg)")
    met = "| P1 | durable ÷ empty | 0.81 | [0.7 … 0.9] of 7 | ≥ 0.8 | met |"
    assert f"{met}\n| P10 | start ÷ import | 5 | [4.5 … 6] of 5 | ≤ 4 | not met |" in goals
    assert "1 of 2 are met." in goals
    assert "3,457/s" not in goals
    assert "3,457/s" in rest
    assert "busy" not in text


def test_goals_are_told_in_the_order_of_their_numbers():
    rows = [replace(MET, goal=goal) for goal in ("P10", "P2", "P1b", "P1")]
    assert [row.goal for row in table.judged([PLAIN, *rows])] == ["P1", "P1b", "P2", "P10"]


def test_the_page_says_which_figures_do_not_count_and_why(tmp_path):
    a_result("accept", MET, checks=(Check("stored", 3, 2),)).write(tmp_path)
    a_result("storm", MET, busy=0.34).write(tmp_path)
    text = written(read_all(tmp_path), [])
    assert "**accept: the figures do not count**" in text
    assert "- stored: wanted 3, found 2: **the figures do not count**" in text
    assert "**Measured on a busy machine.** Other processes used more than 10% of the cores beside:\nstorm 34%." in text


def test_a_quick_run_does_not_change_the_page(tmp_path):
    a_result("accept", MET).write(tmp_path)
    assert write(tmp_path, tmp_path)
    page = (tmp_path / "performance.md").read_text()
    replace(a_result("accept", MISSED), quick=True).write(tmp_path)
    assert write(tmp_path, tmp_path)
    assert (tmp_path / "performance.md").read_text() == page


def test_without_results_there_is_no_page(tmp_path):
    assert not write(tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_page_and_its_plots_are_made_of_recorded_rounds_and_are_the_same_each_time(tmp_path):
    """What six questions measured in a quick run; the figures are nobody's goal."""
    assert write(RECORDED, tmp_path / "once")
    assert write(RECORDED, tmp_path / "again")
    once, again = ({path.name: path.read_bytes() for path in _files(tmp_path / name)} for name in ("once", "again"))
    assert sorted(once) == [
        "in_flight.svg",
        "latency.svg",
        "page_out.svg",
        "performance.md",
        "stream.svg",
        "timers.svg",
    ]
    assert once == again
    page = once["performance.md"].decode()
    assert all(f"](performance/{name})" in page for name in once if name.endswith(".svg"))
    assert all(f"`make bench BENCH={path.stem}`" in page for path in RECORDED.glob("*.json"))


def test_what_does_not_count_is_not_drawn(tmp_path):
    for path in RECORDED.glob("*.json"):
        found = json.loads(path.read_text())
        found["checks"].append({"what": "stored", "wanted": 3, "found": 2})
        (tmp_path / path.name).write_text(json.dumps(found))
    assert plots.drawn(read_all(tmp_path), tmp_path / "plots") == []


def _files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_table_says_why_there_is_no_figure():
    assert "stream ÷ unary  not there yet" in table.plain([ABSENT])


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_every_question_asks_in_its_first_line(question):
    assert "?" in question.words
    assert callable(question.asked)
