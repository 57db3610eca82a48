"""What happened to many at once is one line of the log that names all of them: writing a line costs 20 µs."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from pager_grpc.runtime.log_context import context_about_nothing

MOST_IN_A_LINE = 50
"""So that a line stays below what collectors of logs cut off."""

Kind = TypeVar("Kind")
T = TypeVar("T")


class LinesTogether(Generic[Kind, T]):
    """Things of one kind that are told in the same turn of the loop share lines: those of a commit are.

    ``write`` writes one line. It is about no call and in no trace, so it says itself what it is about. What else the
    log knows where a kind is told first, as who calls, it says of all: where that differs, so must the kind.
    """

    def __init__(self, write: Callable[[Kind, Sequence[T]], None]) -> None:
        self._write = write
        self._told: dict[Kind, tuple[Context, list[T]]] = {}

    def tell(self, kind: Kind, thing: T) -> None:
        """``thing`` is written once this turn of the loop is over."""
        if not self._told:
            asyncio.get_running_loop().call_soon(self._write_all)
        if kind not in self._told:
            self._told[kind] = context_about_nothing(), []
        self._told[kind][1].append(thing)

    def _write_all(self) -> None:
        told, self._told = self._told, {}
        for kind, (context, things) in told.items():
            for share in shares_of_lines(things):
                context.run(self._write, kind, share)


def shares_of_lines(things: Sequence[T]) -> Iterator[Sequence[T]]:
    """``things`` in their order, as many together as a line names."""
    for begin in range(0, len(things), MOST_IN_A_LINE):
        yield things[begin : begin + MOST_IN_A_LINE]
