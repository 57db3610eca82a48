"""The pager's use cases put together over ports, and what stands before a port: counting, telling, tracing."""

from collections.abc import Sequence

from pager_domain.kernel import NotificationTarget
from pager_domain.pager.application import PagerApplicationService
from pager_domain.pager.canary import CanaryPolicies
from pager_domain.pager.events import IncidentId
from pager_domain.pager.ports.deliveries import Deliveries
from pager_domain.pager.ports.escalation_policy_repository import EscalationPolicyRepository
from pager_domain.pager.ports.monitored_services import MonitoredServices
from pager_domain.pager.ports.notification_outbox import NotificationOutbox
from pager_domain.pager.storm import Pace
from pager_grpc.pager.config import PagerSettings
from pager_grpc.pager.escalation_loop import EscalationLoop
from pager_grpc.pager.escalation_policies_traced import TracedEscalationPolicies
from pager_grpc.pager.ids import new_id
from pager_grpc.pager.measured import Measured
from pager_grpc.pager.monitored_services_logged import LoggedMonitoredServices
from pager_grpc.pager.monitored_services_sql import SqlMonitoredServices
from pager_grpc.pager.monitored_services_traced import TracedMonitoredServices
from pager_grpc.pager.notification_outbox_sql import SqlNotificationOutbox
from pager_grpc.pager.notification_senders_grpc import GrpcNotificationSenders
from pager_grpc.pager.sealing import Sealing
from pager_grpc.pager.wakeups import Wakeups
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.tracing import Tracing


def stores_of(
    settings: PagerSettings, database: Database, wakeups: Wakeups, sealing: Sealing, measured: Measured
) -> tuple[MonitoredServices, NotificationOutbox]:
    """The store and the outbox over ``database``, counted where metrics are served."""
    pace = _pace(settings)
    store = SqlMonitoredServices(database, wakeups, sealing, pace)
    outbox = SqlNotificationOutbox(database, wakeups, sealing, pace)
    return measured.store(store), measured.outbox(outbox)


def _pace(settings: PagerSettings) -> Pace | None:
    return Pace(settings.burst) if settings.burst else None


def application_over(
    store: MonitoredServices,
    outbox: NotificationOutbox,
    policies: EscalationPolicyRepository,
    senders: GrpcNotificationSenders,
    catch_all: Sequence[NotificationTarget],
) -> PagerApplicationService:
    """The use cases; the canary's incidents have a policy of their own."""
    return PagerApplicationService(
        store=store,
        outbox=outbox,
        policies=CanaryPolicies(policies),
        email_sender=senders,
        sms_sender=senders,
        catch_all=catch_all,
        new_incident_id=new_incident_id,
    )


def escalation_loop(
    store: MonitoredServices,
    outbox: NotificationOutbox,
    policies: EscalationPolicyRepository,
    senders: GrpcNotificationSenders,
    catch_all: Sequence[NotificationTarget],
    deliveries: Deliveries,
    tracing: Tracing | None,
) -> EscalationLoop:
    """The loop over use cases of its own, whose levels are told, and traced with ``tracing``."""
    told: MonitoredServices = LoggedMonitoredServices(store)
    if tracing is not None:
        told, policies = TracedMonitoredServices(told, tracing), TracedEscalationPolicies(policies, tracing)
    return EscalationLoop(application_over(told, outbox, policies, senders, catch_all), told, deliveries)


def new_incident_id() -> IncidentId:
    """One that no incident has."""
    return IncidentId(new_id())
