"""Everything random of a run, from its seed: which faults there are, how often, and every single decision.

Each kind of decision has a stream of its own, so that leaving out one fault leaves the others as they were as far as
possible: that is what makes a failing run smaller.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import TypeVar

from pager_grpc.pager.wakeups import SAFETY_PAUSE_SECONDS

T = TypeVar("T")

FAULTS = (
    "statement fails",
    "database locked",
    "commit fails",
    "commit unheard",
    "commit slow",
    "call refused",
    "request lost",
    "request late",
    "request twice",
    "answer lost",
    "answer late",
    "policy garbage",
    "provider later",
    "provider refuses",
    "provider in doubt",
    "provider silent",
    "provider breaks",
    "provider slow",
    "crash before commit",
    "crash after commit",
    "crash before call",
    "crash after call",
    "crash before provider",
    "crash after provider",
    "crash",
    "stop",
    "partition",
    "clock",
    "request stale",
)
_RARE = 0.25  # a crash costs a run more time than any other fault


@dataclass(frozen=True)
class Knobs:
    """How large the run is, and the limits that this run sets for the product. ``storm``: all page the same people.

    ``interventions``, ``windows`` and ``messages`` are how often somebody intervenes, says that services are worked
    on, and raises many alerts at once; ``forgetful``: acknowledgements expire, and what comes back soon is reopened.
    """

    services: int
    callers: int
    calls_each: int
    seconds: float
    batch: int
    in_flight: int
    lease_seconds: float
    safety_pause_seconds: float
    acknowledgement_seconds: tuple[float, float]
    covered: bool
    storm: bool
    burst: int
    message_seconds: float
    interventions: int
    windows: int
    messages: int
    forgetful: bool


class Chance:
    """Decides by ``seed``; a fault whose name is in ``spared`` does not happen. ``happened`` names those that did."""

    def __init__(self, seed: int, spared: frozenset[str] = frozenset()) -> None:
        self._seed, self._spared = seed, spared
        self._streams: dict[str, Random] = {}
        self._counts: dict[str, int] = {}
        self.happened: list[str] = []
        self.active = False
        self.knobs = self._knobs()
        self._rates = self._choose_rates()
        if self.rate("clock"):
            # By a clock that is wrong somebody sleeps too long; that it is not long is what the safety pause is for.
            self.knobs = replace(self.knobs, safety_pause_seconds=SAFETY_PAUSE_SECONDS)

    def stream(self, point: str) -> Random:
        """The stream of one kind of decision."""
        if point not in self._streams:
            self._streams[point] = Random(f"{self._seed}/{point}")  # noqa: S311 - to be foretold
        return self._streams[point]

    def rate(self, fault: str) -> float:
        """How often this run has ``fault``."""
        return self._rates.get(fault, 0.0)

    def happens(self, fault: str, where: str) -> bool:
        """Whether ``fault`` strikes now; each time that is asked has a number and so a name."""
        if not (rate := self._rates.get(fault)) or not self.active:
            return False
        return self.stream(f"{fault} {where}").random() < rate and self.strikes(f"{fault} {where}")

    def strikes(self, point: str) -> bool:
        """Gives one fault its name and says whether it is spared."""
        number = self._counts[point] = self._counts.get(point, 0) + 1
        name = f"{point} {number}"
        if name in self._spared:
            return False
        self.happened.append(name)
        return True

    def between(self, point: str, low: float, high: float) -> float:
        """A number, evenly."""
        return self.stream(point).uniform(low, high)

    def one_of(self, point: str, choices: Sequence[T]) -> T:
        """One of ``choices``."""
        return self.stream(point).choice(choices)

    def _knobs(self) -> Knobs:
        dice = self.stream("knobs")
        shortest, storm = dice.choice([1, 2, 4]), dice.random() < 0.3
        silence = self.stream("silence")
        return Knobs(
            services=dice.randint(4, 6) if storm else dice.randint(1, 3),
            callers=4 if storm else dice.randint(1, 3),
            calls_each=dice.randint(2, 5),
            seconds=dice.choice([8, 16, 30]),
            batch=dice.choice([1, 2, 256]),
            in_flight=dice.choice([1, 2, 64]),
            lease_seconds=dice.choice([6.0, 8.0, 10.0]),
            # Nothing may rest on the safety pause: mostly it is so long that a wake-up that is missing is missed.
            safety_pause_seconds=dice.choice([2.0, 30.0, 300.0, 300.0]),
            acknowledgement_seconds=(shortest, shortest * dice.choice([1, 3])),
            covered=dice.random() < 0.9,
            storm=storm,
            burst=1 if storm else dice.choice([1, 6]),
            message_seconds=dice.choice([2.0, 10.0, 30.0]),
            interventions=silence.choice([0, 0, 0, 1, 3, 5]),
            windows=silence.choice([0, 0, 0, 1, 2]),
            messages=silence.choice([0, 0, 1, 3]),
            forgetful=silence.random() < 0.3,
        )

    def _choose_rates(self) -> dict[str, float]:
        dice = self.stream("rates")
        share = dice.choice([0.0, 0.15, 0.3, 0.5])
        rates = {}
        for fault in FAULTS:
            chosen, rate = dice.random() < share, dice.choice([0.01, 0.05, 0.2])
            if chosen:
                rates[fault] = rate * (_RARE if fault.startswith("crash ") else 1.0)
        return rates
