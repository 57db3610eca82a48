"""How much time a run may take: `make bench` or `make bench-quick`."""

from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Effort:
    """``quick`` shows that everything works and what the figures are about; only a full run is judged by goals."""

    quick: bool = False

    def pick(self, *, full: T, quick: T) -> T:
        """The number that fits."""
        return quick if self.quick else full
