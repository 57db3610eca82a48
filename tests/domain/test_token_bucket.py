"""How much may be done as time goes by."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pager_domain.errors import InvalidField
from pager_domain.token_bucket import TokenBucket

USUAL = TokenBucket(10, 100)


def test_a_burst_is_granted_at_once_and_not_one_more():
    granted, full_at = USUAL.granted(0, 1000, 100)
    assert granted == 100
    assert USUAL.granted(full_at, 1000, 1) == (0, full_at)
    assert USUAL.granted(0, 1000, 101)[0] == 100
    assert USUAL.granted(0, 1000, 10_000)[0] == 100


def test_after_a_burst_one_more_is_granted_each_tenth_of_a_second():
    _, full_at = USUAL.granted(0, 1000, 100)
    assert USUAL.wait(full_at, 1000) == pytest.approx(0.1)
    assert USUAL.granted(full_at, 1000.09, 1)[0] == 0
    assert USUAL.granted(full_at, 1000.1, 5)[0] == 1
    assert USUAL.granted(full_at, 1001, 100)[0] == 10


def test_a_pause_saves_no_more_than_a_burst():
    assert USUAL.granted(0, 1e9, 1000)[0] == 100
    assert USUAL.wait(0, 1e9) == 0


@pytest.mark.parametrize("nonsense", [(0, 1), (-1, 1), (float("nan"), 1), (1, 0)])
def test_a_bucket_that_never_fills_is_refused(nonsense):
    with pytest.raises(InvalidField):
        TokenBucket(*nonsense)


@given(
    rate=st.builds(TokenBucket, st.floats(0.1, 1000), st.integers(1, 1000)),
    steps=st.lists(st.tuples(st.floats(0, 10), st.integers(0, 500)), max_size=30),
)
def test_in_no_stretch_of_time_more_is_granted_than_a_burst_and_what_has_flowed_in(rate, steps):
    now, full_at, grants = 0.0, 0.0, []
    for pause, wanted in steps:
        now += pause
        granted, full_at = rate.granted(full_at, now, wanted)
        grants.append((now, granted))
        assert granted == wanted or rate.wait(full_at, now) > 0
    for number, (begin, _) in enumerate(grants):
        for end, _ in grants[number:]:
            inside = sum(granted for at, granted in grants if begin <= at <= end)
            assert inside <= rate.burst + (end - begin) * rate.per_second + 0.01
