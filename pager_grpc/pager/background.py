"""What the pager room does beside taking calls, escalating and delivering; each is one or more loops to be run."""

from collections.abc import Awaitable
from datetime import timedelta
from functools import partial

import grpc

from pager_domain.pager.auditor import Auditor
from pager_domain.pager.canary import CanaryPolicies
from pager_domain.pager.forecasting import Forecasting
from pager_domain.pager.forgetting import Forgetting
from pager_domain.pager.maintenance_application import MaintenanceApplicationService
from pager_domain.pager.ports.maintenance_windows import MaintenanceWindows
from pager_domain.pager.ports.monitored_services import MonitoredServices
from pager_domain.pager.retention import Retention
from pager_grpc.pager.audit_loop import AuditLoop
from pager_grpc.pager.config import PagerSettings
from pager_grpc.pager.escalation_policies_grpc import GrpcEscalationPolicies
from pager_grpc.pager.forecast_loop import BUDGET_SECONDS as FORECAST_BUDGET_SECONDS
from pager_grpc.pager.forecast_loop import ForecastLoop
from pager_grpc.pager.history_sql import SqlHistory
from pager_grpc.pager.incident_views_sql import SqlIncidentViews
from pager_grpc.pager.known_policies_sql import SqlKnownPolicies
from pager_grpc.pager.maintenance_loop import MaintenanceLoop
from pager_grpc.pager.metrics import AuditMetrics, CanaryMetrics, ForecastMetrics, forgotten_rows
from pager_grpc.pager.request_lanes import RequestLanes
from pager_grpc.pager.sealing import Sealing
from pager_grpc.pager.wakeups import Wakeups
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.forgetting import ForgettingLoop
from pager_grpc.runtime.metrics import Metrics
from pager_grpc.runtime.supervision import Doorbell, run_forever


def forgetting(settings: PagerSettings, database: Database, metrics: Metrics) -> list[Awaitable[None]]:
    """Forgets what is long over, where anything is ever forgotten."""
    if not settings.retention_days:
        return []
    use_case = Forgetting(SqlHistory(database), Retention(timedelta(days=settings.retention_days)))

    async def forget() -> tuple[str, int] | None:
        forgotten = await use_case.step()
        return (forgotten.what.value, forgotten.rows) if forgotten else None

    loop = ForgettingLoop(forget, forgotten_rows(metrics.registry))
    return [run_forever("forgetting", loop.step, Doorbell())]


def forecasting(database: Database, sealing: Sealing, policy: grpc.aio.Channel, metrics: Metrics) -> Awaitable[None]:
    """Asks the policy service ahead of time."""
    known = SqlKnownPolicies(database, sealing)
    use_case = Forecasting(known, CanaryPolicies(GrpcEscalationPolicies(policy, FORECAST_BUDGET_SECONDS)))
    loop = ForecastLoop(use_case, known, ForecastMetrics(metrics.registry))
    return run_forever("forecast", partial(database.retrying, loop.step), Doorbell())


def audit_and_canary(
    settings: PagerSettings,
    auditor: Auditor,
    lanes: RequestLanes,
    views: SqlIncidentViews,
    wakeups: Wakeups,
    metrics: Metrics,
) -> list[Awaitable[None]]:
    """Judges what was done, and pages the canary while somebody listens for its heartbeat."""
    audit = AuditLoop(auditor, lanes.alerts.submit, AuditMetrics(metrics.registry))
    canary = _canary(settings, lanes, views, wakeups, audit, metrics)
    return [run_forever("audit", audit.step, Doorbell()), *canary]


def _canary(
    settings: PagerSettings,
    lanes: RequestLanes,
    views: SqlIncidentViews,
    wakeups: Wakeups,
    audit: AuditLoop,
    metrics: Metrics,
) -> list[Awaitable[None]]:
    if settings.heartbeat_url is None:
        return []
    from pager_grpc.pager.canary_loop import CanaryLoop  # noqa: PLC0415 - without it nobody waits for httpx

    url, seen = settings.heartbeat_url.get_secret_value(), CanaryMetrics(metrics.registry)
    allowed = settings.outbound_allow
    canary = CanaryLoop(lanes.alerts.submit, views, wakeups, url, lambda: audit.passed, seen, allowed)
    return [run_forever("canary", canary.step, Doorbell())]


def maintenance(
    store: MonitoredServices, windows: MaintenanceWindows, database: Database, wakeups: Wakeups
) -> Awaitable[None]:
    """Starts and ends maintenance windows."""
    loop = MaintenanceLoop(MaintenanceApplicationService(store), windows)
    return run_forever("maintenance", partial(database.retrying, loop.step), wakeups.maintenance)
