"""How large the batches of group commits are, and how long each takes."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from prometheus_client import CollectorRegistry, Histogram

_ITEMS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

Item = TypeVar("Item")
Result = TypeVar("Result")


class BatchMetrics:
    """Batches by the lane they take."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._items = Histogram(
            "group_commit_batch_items", "Items that shared one commit.", ["lane"], buckets=_ITEMS, registry=registry
        )
        self._seconds = Histogram(
            "group_commit_batch_seconds",
            "How long batches took, from their first statement to their answer.",
            ["lane"],
            buckets=_SECONDS,
            registry=registry,
        )

    def measured(
        self, lane: str, commit: Callable[[Sequence[Item]], Awaitable[Result]]
    ) -> Callable[[Sequence[Item]], Awaitable[Result]]:
        """``commit``, measured, whatever its end."""
        items, seconds = self._items.labels(lane), self._seconds.labels(lane)

        async def measuring(batch: Sequence[Item]) -> Result:
            items.observe(len(batch))
            with seconds.time():
                return await commit(batch)

        return measuring
