"""The audit in production: every half minute what changed is judged; a broken promise is counted, logged and pages."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from time import monotonic

import structlog

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.audit import Violation
from pager_domain.pager.auditor import Audited, Auditor
from pager_domain.pager.events import Alert
from pager_domain.pager.model import Answer, Request
from pager_grpc.pager.metrics import AuditMetrics

log = structlog.get_logger()

OWN_SERVICE = MonitoredServiceId("hexagonal-pager")
"""The Pager watches itself under this name: who is paged for it is a policy like any other."""
PAUSE_SECONDS, PAUSE_WHILE_BEHIND_SECONDS = 30.0, 1.0
BUDGET_SECONDS = 0.05
_EVENTS_A_SLICE = 50


class AuditLoop:
    """``passed`` says whether the last pass found every promise kept."""

    def __init__(
        self, auditor: Auditor, raise_alert: Callable[[Request], Awaitable[Answer]], metrics: AuditMetrics
    ) -> None:
        self._auditor = auditor
        self._raise_alert = raise_alert
        self._metrics = metrics
        self.passed = True
        self._unreported: list[Violation] = []

    async def step(self) -> float:
        """Judges for 50 ms at most; what is left waits a second, so that a storm is served first."""
        end, is_behind = monotonic() + BUDGET_SECONDS, True
        while is_behind and monotonic() < end:
            audited = await self._auditor.audit(_EVENTS_A_SLICE)
            self._heard(audited)
            is_behind = audited.is_behind
        self.passed = not self._unreported
        if self._unreported:
            await self._report()
        return PAUSE_WHILE_BEHIND_SECONDS if is_behind else PAUSE_SECONDS

    def _heard(self, audited: Audited) -> None:
        """What a slice found is kept until it is reported: the auditor does not look there again."""
        self._metrics.judged(audited)
        for violation in audited.violations:
            log.error("promise_broken", **asdict(violation))
        self._unreported += audited.violations
        self.passed = self.passed and not self._unreported

    async def _report(self) -> None:
        found, first = self._unreported, self._unreported[0]
        message = f"The Pager broke its promise {first.promise}; incident {first.incident_id} ({len(found)} in all)"
        details = "\n".join(str(violation) for violation in found)[:4_000]
        await self._raise_alert(Request(OWN_SERVICE, Alert(message, details=details)))
        self._unreported = []
