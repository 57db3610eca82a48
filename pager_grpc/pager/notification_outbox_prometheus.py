"""Another outbox, with its pages counted."""

from collections.abc import Sequence

from pager_domain.pager.ports.notification_outbox import Claim, NotificationOutbox, Result
from pager_grpc.pager.metrics import PageMetrics


class MeasuredNotificationOutbox(NotificationOutbox):
    """``outbox``, and what it has made durable is counted."""

    def __init__(self, outbox: NotificationOutbox, metrics: PageMetrics) -> None:
        self._outbox = outbox
        self._metrics = metrics

    async def claim(self, limit: int) -> list[Claim]:
        """As the outbox."""
        claims = await self._outbox.claim(limit)
        self._metrics.claimed(claims)
        return claims

    async def record(self, results: Sequence[Result]) -> int:
        """As the outbox."""
        recorded = await self._outbox.record(results)
        self._metrics.recorded(results)
        return recorded

    async def seconds_until_due(self) -> float | None:
        """As the outbox."""
        seconds = await self._outbox.seconds_until_due()
        self._metrics.overdue.looked(seconds)
        return seconds
