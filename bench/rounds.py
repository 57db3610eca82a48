"""Sides are measured in turn, in shuffled order, so that what the machine does meanwhile hits all of them."""

import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from bench.figures import Figure


@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement: its figure, and what else was seen."""

    figure: float
    more: Mapping[str, Any] = field(default_factory=dict)


Side = Callable[[], Awaitable[Sample]]
"""Measures once."""


@dataclass(frozen=True, slots=True)
class Bracketed:
    """A sample, and the base right before and right after it."""

    sample: Sample
    before: Sample
    after: Sample

    @property
    def base(self) -> float:
        """The mean of both neighbours: a machine that grows slower meanwhile is slower for both sides."""
        return statistics.mean((self.before.figure, self.after.figure))

    @property
    def ratio(self) -> float:
        """The sample ÷ the base."""
        return self.sample.figure / self.base


@dataclass(frozen=True, slots=True)
class Rounds:
    """All sides of all rounds, by name."""

    rounds: Sequence[Mapping[str, Bracketed]]

    def ratio(self, name: str) -> Figure:
        """Of one side ÷ the base."""
        return Figure.of(each[name].ratio for each in self.rounds)

    def between(self, name: str, other: str) -> Figure:
        """Of one side ÷ another of the same round."""
        return Figure.of(each[name].sample.figure / each[other].sample.figure for each in self.rounds)

    def figure(self, name: str) -> Figure:
        """Of one side alone."""
        return Figure.of(each[name].sample.figure for each in self.rounds)

    def base(self) -> Figure:
        """Of the base alone."""
        return Figure.of(side.base for each in self.rounds for side in each.values())

    def seen(self, name: str, key: str) -> Figure:
        """What the samples of one side saw beside their figures."""
        return Figure.of(each[name].sample.more[key] for each in self.rounds)

    def seen_of_base(self, key: str) -> Figure:
        """What the samples of the base saw beside their figures."""
        return Figure.of(side.before.more[key] for each in self.rounds for side in each.values())

    def raw(self) -> list[dict[str, Any]]:
        """As JSON."""
        return [{name: asdict(side) for name, side in each.items()} for each in self.rounds]


@dataclass(slots=True)
class Interleaving:
    """Measures ``rounds`` rounds, but ``least`` where more would not be over at ``end`` (monotonic seconds).

    ``seed`` shuffles.
    """

    rounds: int
    end: float = float("inf")
    least: int = 1
    seed: int = 1

    async def bracketed(self, base: Side, sides: Mapping[str, Side]) -> Rounds:
        """The base, a side, the base, another side, the base and so on."""
        found = []
        before = await base()
        for order in self._orders(list(sides)):
            seen = {}
            for name in order:
                sample = await sides[name]()
                after = await base()
                seen[name] = Bracketed(sample, before, after)
                before = after
            found.append(seen)
            _tell(len(found), {name: side.ratio for name, side in seen.items()}, "÷ base")
        return Rounds(found)

    async def in_turn(self, sides: Mapping[str, Side]) -> list[dict[str, Sample]]:
        """Every side once a round."""
        found = []
        for order in self._orders(list(sides)):
            seen = {name: await sides[name]() for name in order}
            found.append(seen)
            _tell(len(found), {name: sample.figure for name, sample in seen.items()})
        return found

    def _orders(self, names: list[str]) -> Iterator[list[str]]:
        chance, begun = random.Random(self.seed), time.monotonic()  # noqa: S311 - no secret
        for number in range(self.rounds):
            now = time.monotonic()
            if number >= self.least and now + (now - begun) / number > self.end:
                return
            yield chance.sample(names, len(names))


def between(rounds: Sequence[Mapping[str, Sample]], side: str, base: str) -> Figure:
    """``side`` ÷ ``base`` of the same round, over all rounds."""
    return Figure.of(each[side].figure / each[base].figure for each in rounds)


def raw(rounds: Sequence[Mapping[str, Sample]]) -> list[dict[str, Any]]:
    """As JSON."""
    return [{name: asdict(sample) for name, sample in each.items()} for each in rounds]


def _tell(number: int, figures: Mapping[str, float], unit: str = "") -> None:
    told = "  ".join(f"{name} {figure:,.3g}" for name, figure in sorted(figures.items()))
    sys.stderr.write(f"  round {number}: {told} {unit}\n")
