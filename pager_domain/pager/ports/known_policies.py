"""The policies last known of services, each with its forecast, and when each is asked for again."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Protocol

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.model import EscalationPolicy


class KnownPolicies(Protocol):
    """What the pager acts on while the policy service does not answer; any number of replicas keep it fresh."""

    async def claim(self, limit: int) -> tuple[list[MonitoredServiceId], datetime]:
        """Up to ``limit`` services whose policy is an hour old, the oldest first, and the present moment.

        No other replica is given them for a minute; what is not learnt by then is claimed again.
        """

    async def learn(
        self,
        policies: Mapping[MonitoredServiceId, EscalationPolicy],
        uncovered: Collection[MonitoredServiceId],
        since: datetime,
    ) -> None:
        """Keeps ``policies``; forgets those of services that nobody covers any more, unless learnt after ``since``."""

    async def oldest(self) -> timedelta | None:
        """How long ago the oldest was learnt; None if there is none."""

    async def seconds_until_due(self) -> float | None:
        """How long until one is an hour old (0 or less: now); None if there is none."""
