"""What is there, what is asked of it, and what was seen: the words of the model."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.figures import quantile


@dataclass(frozen=True, slots=True)
class Machines:
    """What is there. Seconds, bytes a second; a replica has one processor, as one interpreter can use one."""

    cells: int = 1
    replicas: int = 1
    database_processors: int = 8
    round_trip: float = 0.0003
    sync: float = 0.001
    log_bandwidth: float = 200e6
    notifies: bool = False
    sticky: bool = False
    """Alerts of one service go to one replica of its cell; else to any."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is asked: alerts a second over all cells, in messages of ``message`` alerts (1: unary calls).

    Of the alerts a share of ``new`` opens incidents of services of their own; the others repeat ``services`` open ones,
    of which the n-th is told as often as 1 ÷ n^zipf says. Messages come alone, or ``burst`` at the same instant.
    """

    rate: float
    message: int = 1
    new: float = 0.05
    services: int = 10_000
    zipf: float = 1.0
    burst: int = 1
    with_request_ids: bool = True
    in_flight: int | None = None
    """Instead of ``rate``: so many calls at each replica, each followed at once by the next."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the model saw in ``seconds`` of virtual time. ``lines`` are those of timelines, which are kept."""

    seconds: float
    answered: int
    asked: int
    latencies: Sequence[float]
    batches: int
    lines: int
    wal_bytes: float
    syncs: int
    busy: dict[str, float]

    @property
    def rate(self) -> float:
        """Answered alerts a second."""
        return self.answered / self.seconds

    @property
    def batch(self) -> float:
        """Alerts a transaction."""
        return self.answered / self.batches if self.batches else 0.0

    @property
    def keeps_up(self) -> bool:
        """Whether what was asked was answered."""
        return self.answered >= 0.97 * self.asked

    @property
    def busiest(self) -> str:
        """What is nearest to its limit."""
        return max(self.busy, key=lambda name: self.busy[name])

    def answer_seconds(self, share: float) -> float:
        """The quantile of the answer times."""
        return quantile(self.latencies, share)
