"""How much time a question may take: in `make bench`, in `make bench-quick`, or to guard."""

from dataclasses import dataclass, field
from time import monotonic
from typing import TypeVar

from bench.rounds import Interleaving

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Effort:
    """``quick`` shows that everything works and what the figures are about; only a full run is judged by goals.

    ``seconds`` are for the whole question, from the moment at which this is made; ``times`` multiplies its rounds.
    """

    quick: bool = False
    seconds: float = float("inf")
    times: int = 1
    begun: float = field(default_factory=monotonic)

    def pick(self, *, full: T, quick: T) -> T:
        """The number that fits."""
        return quick if self.quick else full

    def rounds(self, *, full: int, quick: int, least: int = 3, until: float = 1.0) -> Interleaving:
        """So many rounds, fewer where they would not end within ``until`` (a share) of the question's time.

        A full run has ``least`` all the same: a median of less says little. A quick one has one.
        """
        end = self.begun + until * self.seconds
        return Interleaving(self.pick(full=full, quick=quick) * self.times, end, least=self.pick(full=least, quick=1))
