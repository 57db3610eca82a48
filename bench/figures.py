"""The arithmetic of the suite: medians, ranges, quantiles. Pure; tests/bench holds it."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

_SHARES = (0.0, 0.01, 0.02, *(percent / 100 for percent in range(5, 100, 5)), 0.98, 0.99, 0.995, 0.999, 1.0)


@dataclass(frozen=True, slots=True)
class Figure:
    """What ``count`` measurements of one thing say together: their median, and the least and the greatest of them."""

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        """The figure of at least one value.

        Raises:
            ValueError: there is none.
        """
        found = sorted(values)
        if not found:
            raise ValueError("a figure needs at least one value")
        return cls(statistics.median(found), found[0], found[-1], len(found))


def quantile(values: Sequence[float], share: float) -> float:
    """The least of ``values`` that at least ``share`` (0 to 1) of them do not exceed: the nearest rank.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("no value has no quantile")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def distribution(values: Sequence[float]) -> list[tuple[float, float]]:
    """Pairs of a share and its quantile, from the least value to the greatest: enough to draw ``values``."""
    ordered = sorted(values)
    return [(share, ordered[max(0, math.ceil(share * len(ordered)) - 1)]) for share in _SHARES] if ordered else []
