"""The dead man's switch: every minute a canary is paged, and only if it came through is the heartbeat URL called.

Whoever watches that URL from outside learns that paging has stopped, even when the whole Pager is gone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import httpx
import structlog

from pager_domain.pager.canary import CANARY, CANARY_ALERT, came_through
from pager_domain.pager.events import HealthyEvent
from pager_domain.pager.model import Answer, Incident, Request
from pager_domain.pager.ports.incident_views import IncidentViews
from pager_grpc.pager.metrics import CanaryMetrics
from pager_grpc.pager.wakeups import Wakeups
from pager_grpc.runtime.outbound_addresses import Destinations, Network
from pager_grpc.runtime.outbound_http import OutboundRefused, outbound_client

log = structlog.get_logger()

PAUSE_SECONDS = 60.0
PATIENCE_SECONDS = 30.0
_LOOK_AGAIN_SECONDS = 1.0
_TIMELINE_LINES = 100

Submit = Callable[[Request], Awaitable[Answer]]


class CanaryLoop:
    """Pages the canary; replicas that meet on one incident all learn its end."""

    def __init__(
        self,
        submit: Submit,
        views: IncidentViews,
        wakeups: Wakeups,
        heartbeat_url: str,
        promises_are_kept: Callable[[], bool],
        metrics: CanaryMetrics,
        allowed: Sequence[Network] = (),
    ) -> None:
        self._submit = submit
        self._views = views
        self._wakeups = wakeups
        self._heartbeat_url = heartbeat_url
        self._destinations = Destinations.of_operator(heartbeat_url, allowed)
        self._promises_are_kept = promises_are_kept
        self._metrics = metrics

    async def step(self) -> float:
        """One canary. Seconds until the next."""
        if not await self._pages_end_to_end():
            log.error("canary_was_not_paged")
            return PAUSE_SECONDS
        self._metrics.came_through()
        if not self._promises_are_kept():
            log.error("heartbeat_withheld", cause="the audit found a broken promise")
        else:
            await self._ping()
        return PAUSE_SECONDS

    async def _pages_end_to_end(self) -> bool:
        incident = await self._fresh_incident()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._end_of(incident)
        except TimeoutError:
            return False
        finally:
            await self._submit(Request(CANARY, HealthyEvent()))

    async def _fresh_incident(self) -> Incident:
        """The canary's incident; one that a process left open when it died proves nothing any more."""
        incident = (await self._submit(Request(CANARY, CANARY_ALERT))).incident
        if incident is None or datetime.now(UTC) - incident.opened_at > timedelta(seconds=PAUSE_SECONDS):
            await self._submit(Request(CANARY, HealthyEvent()))
            incident = (await self._submit(Request(CANARY, CANARY_ALERT))).incident
        if incident is None:
            raise RuntimeError("an alert without an incident")
        return incident

    async def _end_of(self, incident: Incident) -> bool:
        with self._wakeups.watching() as bell:
            while True:
                end = came_through(await self._views.events(incident, 0, _TIMELINE_LINES))
                if end is not None:
                    return end
                await bell.wait(_LOOK_AGAIN_SECONDS)

    async def _ping(self) -> None:
        try:
            async with outbound_client(self._destinations) as client:
                (await client.get(self._heartbeat_url)).raise_for_status()
        except OutboundRefused as refusal:
            log.warning("heartbeat_refused", cause=str(refusal))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The URL is a secret; the kind of error is not.
            log.warning("heartbeat_failed", error=type(error).__name__)
