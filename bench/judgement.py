"""Whether measured ratios are still what they were: the floors of bench/floors.toml, and what is below. Pure."""

import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from bench.answer import Limit, Row, Sense
from bench.figures import Figure

AGAIN = 3
"""How many times the rounds a second look has."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A ratio of one question that must not get worse than ``limit``; ``published`` is what it was."""

    question: str
    what: str
    published: float
    limit: Limit
    reason: str

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Self:
        """An entry of the file: ``least`` or ``most``, never both.

        Raises:
            ValueError: it has both, or neither.
        """
        senses = {"least": Sense.AT_LEAST, "most": Sense.AT_MOST}
        limits = [Limit(sense, found[name]) for name, sense in senses.items() if name in found]
        if len(limits) != 1:
            raise ValueError(f"least or most: {found}")
        return cls(found["question"], found["what"], found["published"], limits[0], found["reason"])


def floors_of(text: str) -> list[Floor]:
    """Those of a TOML document."""
    return [Floor.read(found) for found in tomllib.loads(text)["floor"]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A floor, and what was found; no ``figure`` if the question has no such row any more, or no answer."""

    floor: Floor
    figure: Figure | None

    @property
    def holds(self) -> bool:
        """What was not measured does not."""
        return self.figure is not None and self.floor.limit.met_by(self.figure.median)

    def __str__(self) -> str:
        found = "not measured" if self.figure is None else f"{self.figure.median:.3g} of {self.figure.count} rounds"
        word = "holds" if self.holds else "BROKEN"
        return f"{word:<7} {self.floor.what}: {found}, wanted {self.floor.limit} (published {self.floor.published:g})"


def verdicts(floors: Iterable[Floor], rows: Mapping[str, Sequence[Row]]) -> list[Verdict]:
    """One for each floor, in their order; ``rows`` by the question that they answer."""
    figures = {(question, row.what): row.figure for question, found in rows.items() for row in found}
    return [Verdict(floor, figures.get((floor.question, floor.what))) for floor in floors]


Look = Callable[[Sequence[Floor], int], Mapping[str, Sequence[Row]]]
"""Measures what these floors are about with so many times the usual rounds: rows, by question."""


def judged(floors: Sequence[Floor], look: Look) -> list[Verdict]:
    """What fails is looked at again with more rounds, and the second look counts; what holds is not."""
    found = verdicts(floors, look(floors, 1))
    failed = [verdict.floor for verdict in broken(found)]
    again = verdicts(failed, look(failed, AGAIN)) if failed else []
    second = {verdict.floor: verdict for verdict in again}
    return [second.get(verdict.floor, verdict) for verdict in found]


def broken(found: Iterable[Verdict]) -> list[Verdict]:
    """Those that do not hold."""
    return [verdict for verdict in found if not verdict.holds]
