"""How long to wait before a call is made again. Pure, but for the dice."""

import random
from dataclasses import dataclass

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0


def backoff(attempt: int) -> float:
    """Seconds to wait after the ``attempt``-th failure, from 1: full jitter, doubling."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt - 1, 16))
    return random.uniform(0, longest)  # noqa: S311 - jitter is no secret


@dataclass(slots=True)
class RetryBudget:
    """How many quick repeats the calls of one client may make together: one for each ten answers, ten at once.

    When it is spent, servers are in trouble: repeats go on, each after a long pause.
    """

    left: float = 10.0
    most: float = 10.0

    def answered(self) -> None:
        """A call was answered."""
        self.left = min(self.most, self.left + 0.1)

    def pause(self, attempt: int) -> float:
        """Seconds to wait after the ``attempt``-th failure of a call, and what it costs is taken."""
        if self.left >= 1:
            self.left -= 1
            return backoff(attempt)
        return random.uniform(LONGEST_PAUSE / 2, LONGEST_PAUSE)  # noqa: S311 - jitter is no secret
