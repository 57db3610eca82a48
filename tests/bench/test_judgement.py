"""The guard: a ratio that got much worse fails, and so does one that nobody measures any more."""

import pytest

from bench.answer import Row, at_least, at_most
from bench.catalogue import QUESTIONS
from bench.figures import Figure
from bench.guard import FLOORS
from bench.judgement import AGAIN, Floor, broken, floors_of, judged, verdicts

FAST = Floor("accept", "new ÷ empty", 0.8, at_least(0.48), "group commit")
SOON = Floor("alone", "p50 ÷ floor", 1.5, at_most(2.5), "one trip")


def _rows(**ratios: float) -> dict[str, list[Row]]:
    whats = {"accept": FAST.what, "alone": SOON.what}
    return {name: [Row("P1", whats[name], Figure.of([ratio]))] for name, ratio in ratios.items()}


def test_a_ratio_on_the_right_side_of_its_floor_holds():
    assert broken(verdicts([FAST, SOON], _rows(accept=0.48, alone=2.5))) == []


@pytest.mark.parametrize(
    ("ratios", "floor"), [({"accept": 0.47, "alone": 1}, FAST), ({"accept": 1, "alone": 2.6}, SOON)]
)
def test_a_ratio_on_the_wrong_side_is_broken_whichever_side_that_is(ratios, floor):
    assert [verdict.floor for verdict in broken(verdicts([FAST, SOON], _rows(**ratios)))] == [floor]


def test_the_median_is_judged_and_not_a_single_round():
    rows = {"accept": [Row("P1", FAST.what, Figure.of([0.1, 0.6, 0.7]))]}
    assert broken(verdicts([FAST], rows)) == []


@pytest.mark.parametrize(
    "rows", [{}, {"accept": []}, {"accept": [Row("P1", "another")]}, {"accept": [Row("P1", FAST.what)]}]
)
def test_what_was_not_measured_does_not_hold(rows):
    [verdict] = broken(verdicts([FAST], rows))
    assert "BROKEN" in str(verdict)
    assert "not measured" in str(verdict)


def test_what_fails_is_measured_again_with_more_rounds_and_what_holds_is_not():
    looks: list[tuple[list[Floor], int]] = []

    def look(floors, times):
        looks.append(([*floors], times))
        return _rows(accept=0.2 if times == 1 else 0.7, alone=1)

    assert broken(judged([FAST, SOON], look)) == []
    assert looks == [([FAST, SOON], 1), ([FAST], AGAIN)]


def test_what_fails_twice_is_broken():
    found = judged([FAST, SOON], lambda _floors, times: _rows(accept=0.2 * times / 2, alone=1))
    assert [(verdict.floor, verdict.holds) for verdict in found] == [(FAST, False), (SOON, True)]
    assert found[0].figure.median == 0.2 * AGAIN / 2


def test_a_verdict_tells_what_was_found_and_what_was_wanted():
    [verdict] = verdicts([FAST], _rows(accept=0.75))
    assert str(verdict) == "holds   new ÷ empty: 0.75 of 1 rounds, wanted ≥ 0.48 (published 0.8)"


def test_a_floor_has_a_least_or_a_most_and_not_both():
    entry = '[[floor]]\nquestion = "q"\nwhat = "w"\npublished = 1.0\nreason = "r"\n'
    assert floors_of(entry + "least = 0.6") == [Floor("q", "w", 1.0, at_least(0.6), "r")]
    for limits in ("", "least = 0.6\nmost = 2"):
        with pytest.raises(ValueError, match="least or most"):
            floors_of(entry + limits)


@pytest.mark.parametrize("floor", floors_of(FLOORS.read_text()), ids=lambda floor: floor.what)
def test_every_floor_is_about_60_percent_of_what_was_published(floor):
    left = min(floor.limit.value / floor.published, floor.published / floor.limit.value)
    assert 0.55 <= left <= 0.72
    assert floor.question in {question.name for question in QUESTIONS}
    assert len(floor.reason) > 20
