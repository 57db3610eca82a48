"""What of a table fits on a terminal: which columns stay, how wide each is, and which have no room. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

GAP = 2
"""Between two columns."""
_NAME = 48
"""One word alone, as an id, is broken only beyond this; the longest that the pager makes are those of deliveries."""
_PHRASE = 16
"""Several words are wrapped only beyond this,"""
_WORD = 24
"""and one of them is broken only beyond this."""

Width = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Layout:
    """``kept`` are the columns that stay, by number, each with its width; ``left_out`` are the others."""

    kept: Mapping[int, int]
    left_out: Sequence[int]


def layout(lines: Sequence[Sequence[str]], room: int, first_out: Sequence[int], width: Width = len) -> Layout:
    """Which columns of ``lines``, titles included, there is ``room`` for.

    The first one always stays. The others go one by one until the rest fits: ``first_out`` in its order, then the
    rightmost. ``width`` is what a text takes on a terminal.
    """
    columns = list(zip(*lines, strict=True))
    least = [min(room, max(_least(cell, width) for cell in column)) for column in columns]
    kept, gone = list(range(len(columns))), []
    leaving = [*first_out, *(number for number in reversed(kept[1:]) if number not in first_out)]
    while leaving and _together(least[number] for number in kept) > room:
        gone.append(leaving.pop(0))
        kept.remove(gone[-1])
    wanted = {number: max(map(width, columns[number])) - least[number] for number in kept}
    more = _shared(room - _together(least[number] for number in kept), wanted)
    return Layout({number: least[number] + more[number] for number in kept}, sorted(gone))


def _least(cell: str, width: Width) -> int:
    """The least room in which ``cell`` can be read."""
    words = cell.split()
    if len(words) <= 1:
        return min(width(cell), _NAME)
    return min(width(cell), max(_PHRASE, min(max(map(width, words)), _WORD)))


def _together(widths: Iterable[int]) -> int:
    all_of_them = list(widths)
    return sum(all_of_them) + GAP * (len(all_of_them) - 1)


def _shared(spare: int, wanted: Mapping[int, int]) -> dict[int, int]:
    """How much of ``spare`` each column gets; who wants little gets all of it."""
    shares = {}
    for left, number in zip(range(len(wanted), 0, -1), sorted(wanted, key=wanted.__getitem__), strict=True):
        shares[number] = min(wanted[number], spare // left)
        spare -= shares[number]
    return shares
