"""Durations as people write them."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager_cli.durations import parse_duration, written_duration

SPANS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=1000))


@pytest.mark.parametrize(
    ("written", "seconds"),
    [(900, 900), ("900", 900), ("90s", 90), ("15m", 900), ("1h30m", 5400), ("1.5s", 1.5), (0.5, 0.5), (" 1d ", 86400)],
)
def test_a_written_duration_is_understood(written, seconds):
    assert parse_duration(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "written",
    ["", "m", "15 minutes", "-5s", "30m1h", "1e3", True, None, [], float("nan"), float("inf"), 10**30, "\u0661s"],
)
def test_anything_else_is_refused(written):
    with pytest.raises(ValueError, match="must be a number of seconds or a duration like"):
        parse_duration(written)


@given(SPANS)
def test_every_duration_is_written_so_that_it_is_read_back(span):
    assert parse_duration(written_duration(span)) == span


@given(st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.none()))
def test_no_value_does_more_than_be_refused(value):
    with suppress(ValueError):
        assert isinstance(parse_duration(value), timedelta)
