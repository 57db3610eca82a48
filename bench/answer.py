"""What a question answers: rows of the table, checks that were made, and the raw rounds."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from bench.figures import Figure


class Sense(StrEnum):
    """On which side of its limit a figure must be."""

    AT_LEAST = "≥"
    AT_MOST = "≤"


@dataclass(frozen=True, slots=True)
class Limit:
    """A goal of the design notes."""

    sense: Sense
    value: float

    def met_by(self, value: float) -> bool:
        """Whether ``value`` is on the right side."""
        return value >= self.value if self.sense is Sense.AT_LEAST else value <= self.value

    def __str__(self) -> str:
        return f"{self.sense} {self.value:g}"


def at_least(value: float) -> Limit:
    """A goal for what should be great."""
    return Limit(Sense.AT_LEAST, value)


def at_most(value: float) -> Limit:
    """A goal for what should be small."""
    return Limit(Sense.AT_MOST, value)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. Without a ``figure`` the ``note`` says why; without a ``unit`` it is a ratio."""

    goal: str
    what: str
    figure: Figure | None = None
    unit: str = ""
    limit: Limit | None = None
    note: str = ""

    @property
    def verdict(self) -> str:
        """Whether the goal is met; empty for what has none or was not measured."""
        if self.limit is None or self.figure is None:
            return ""
        return "met" if self.limit.met_by(self.figure.median) else "not met"

    def as_json(self) -> dict[str, Any]:
        """With the verdict, for whoever reads the file."""
        return asdict(self) | {"verdict": self.verdict}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Self:
        """What :meth:`as_json` wrote."""
        figure, limit = found["figure"], found["limit"]
        return cls(
            found["goal"],
            found["what"],
            Figure(**figure) if figure else None,
            found["unit"],
            Limit(Sense(limit["sense"]), limit["value"]) if limit else None,
            found["note"],
        )


@dataclass(frozen=True, slots=True)
class Check:
    """What must have come of the load, and what did."""

    what: str
    wanted: float
    found: float

    @property
    def holds(self) -> bool:
        """A figure counts only if nothing was lost on the way to it."""
        return self.wanted == self.found


@dataclass(slots=True)
class Answer:
    """Rows in the order in which they are read; ``raw`` is anything that JSON can hold."""

    rows: list[Row] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def without_figures(cls, goal: str, note: str, *measures: str) -> Self:
        """Of a question that cannot be asked here."""
        return cls([Row(goal, what, note=note) for what in measures])

    @property
    def broken(self) -> list[Check]:
        """The checks that do not hold."""
        return [check for check in self.checks if not check.holds]

    def add(self, rows: Iterable[Row], **raw: Any) -> None:
        """More rows, and the raw rounds that they come from."""
        self.rows.extend(rows)
        self.raw |= raw
