"""Forecasts are kept fresh. Any number of replicas may run this loop; there is no leader."""

from pager_domain.pager.forecasting import Forecasting
from pager_domain.pager.ports.known_policies import KnownPolicies
from pager_grpc.pager.metrics import ForecastMetrics

ASKED_AT_ONCE = 100
"""Few enough that the policy service answers a firing that asks meanwhile in time."""
BUDGET_SECONDS = 10.0
"""Nobody waits for these answers."""
_REST_SECONDS, _PAUSE_WHILE_AWAY_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 10.0, 60.0


class ForecastLoop:
    """One step asks for some of the policies that are an hour old."""

    def __init__(self, forecasting: Forecasting, known: KnownPolicies, metrics: ForecastMetrics) -> None:
        self._forecasting = forecasting
        self._known = known
        self._metrics = metrics

    async def step(self) -> float:
        """Seconds until the next."""
        asked, answered = await self._forecasting.step(ASKED_AT_ONCE)
        self._metrics.looked(await self._known.oldest())
        if asked and not answered:
            return _PAUSE_WHILE_AWAY_SECONDS
        if asked:
            return _REST_SECONDS
        due = await self._known.seconds_until_due()
        return _LONGEST_PAUSE_SECONDS if due is None else min(max(due, _REST_SECONDS), _LONGEST_PAUSE_SECONDS)
