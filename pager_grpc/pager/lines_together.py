"""What happened to many at once is one line of the log that names all of them: writing a line costs 20 µs."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

MOST_IN_A_LINE = 50
"""So that a line stays below what collectors of logs cut off."""

T = TypeVar("T")


def shares_of_lines(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """``things`` in their order, as many together as a line names."""
    for begin in range(0, len(things), MOST_IN_A_LINE):
        yield things[begin : begin + MOST_IN_A_LINE]
