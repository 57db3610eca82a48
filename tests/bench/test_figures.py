import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.figures import Figure, distribution, quantile

_values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)


def test_a_figure_is_the_median_between_the_least_and_the_greatest():
    assert Figure.of([3.0, 1.0, 2.0]) == Figure(2.0, 1.0, 3.0, 3)
    assert Figure.of([4.0, 1.0]) == Figure(2.5, 1.0, 4.0, 2)


def test_no_value_makes_no_figure():
    with pytest.raises(ValueError, match="at least one"):
        Figure.of([])
    with pytest.raises(ValueError, match="no quantile"):
        quantile([], 0.5)


def test_the_p99_of_a_hundred_values_is_the_second_greatest():
    assert quantile(range(1, 101), 0.99) == 99
    assert quantile(range(1, 101), 0.5) == 50
    assert quantile([7.0], 0.99) == 7.0


@given(_values, st.floats(0, 1))
def test_a_quantile_is_the_least_value_that_so_many_do_not_exceed(values, share):
    found = quantile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < max(share * len(values), 1)


@given(_values)
def test_a_distribution_rises_from_the_least_to_the_greatest(values):
    shares, found = zip(*distribution(values), strict=True)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert list(found) == sorted(found)
    assert (found[0], found[-1]) == (min(values), max(values))
