"""How much of something may be done: a bucket of tokens that fills again as time goes by."""

from dataclasses import dataclass

from pager_domain.errors import InvalidField


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """``per_second`` of it for as long as one likes, and ``burst`` of it at once after a pause.

    A bucket is the moment (in seconds of any clock) at which it will be full; one that is full already holds ``burst``
    tokens, whenever that was.

    Raises:
        InvalidField: nothing could ever be done.
    """

    per_second: float
    burst: int

    def __post_init__(self) -> None:
        """Refuses what never fills."""
        if not self.per_second > 0:
            raise InvalidField("per_second", "must be more than 0")
        if self.burst < 1:
            raise InvalidField("burst", "must be at least 1")

    def granted(self, full_at: float, now: float, wanted: int) -> tuple[int, float]:
        """How many of ``wanted`` tokens there are now, and when the bucket is full after they are taken."""
        missing = max(0.0, full_at - now) * self.per_second
        # A token that is whole but for rounding is whole.
        granted = max(0, min(wanted, int(self.burst - missing + 1e-6)))
        return granted, max(full_at, now) + granted / self.per_second

    def given_back(self, full_at: float, unused: int) -> float:
        """When the bucket is full after ``unused`` tokens that were taken are put back."""
        return full_at - unused / self.per_second

    def wait(self, full_at: float, now: float) -> float:
        """Seconds until the bucket holds a token."""
        return max(0.0, full_at - now - (self.burst - 1) / self.per_second)
