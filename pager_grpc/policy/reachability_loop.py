"""Looks every five minutes whether each service would reach somebody, and says in a gauge how many would not."""

import asyncio
from datetime import timedelta

import structlog
from prometheus_client import CollectorRegistry, Gauge

from pager_domain.kernel import PolicyId
from pager_domain.policy.checking import DEFAULT_HORIZON, Checked, ReachabilityCheck

log = structlog.get_logger()

PAUSE_SECONDS = 300.0


async def check_all(check: ReachabilityCheck, horizon: timedelta) -> list[Checked]:
    """Every live policy, a few at a time; in between others have their turn."""
    parts: list[Checked] = []
    after: PolicyId | None = None
    while not parts or after is not None:
        parts.append(await check.few(after, horizon))
        after = parts[-1].last
        await asyncio.sleep(0)
    return parts


class ReachabilityLoop:
    """``policy_unreached_services``: services that reach nobody at some time in the next 14 days."""

    def __init__(self, check: ReachabilityCheck, registry: CollectorRegistry) -> None:
        self._check = check
        self._unreached = Gauge(
            "policy_unreached_services",
            "Services that reach nobody at some time within the next 14 days; -1 before the first look.",
            registry=registry,
        )
        self._unreached.set(-1)
        self._seen = 0

    async def step(self) -> float:
        """Seconds until the next look."""
        parts = await check_all(self._check, DEFAULT_HORIZON)
        unreached = sum(part.unreached_services for part in parts)
        self._unreached.set(unreached)
        if unreached != self._seen:
            policies = sorted({f.policy_id for part in parts for f in part.findings if f.is_error})
            log.warning("services_would_reach_nobody", services=unreached, policies=policies[:20])
            self._seen = unreached
        return PAUSE_SECONDS
