"""The pager room put together."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import grpc

from pager_domain.access.principal import ANONYMOUS, Role
from pager_domain.errors import DomainError
from pager_domain.kernel import email_target
from pager_domain.pager.application import PagerApplicationService
from pager_domain.pager.auditor import Auditor
from pager_domain.pager.ports.escalation_policy_repository import EscalationPolicyRepository
from pager_domain.pager.ports.notification_outbox import Result
from pager_domain.pager.preview import EscalationPreview
from pager_grpc.access.principal import current_principal
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc
from pager_grpc.pager.access_table import ACCESS
from pager_grpc.pager.address_keys import address_keys
from pager_grpc.pager.background import audit_and_canary, forecasting, forgetting, maintenance
from pager_grpc.pager.backlogs_sql import SqlBacklogs
from pager_grpc.pager.composition import application_over, escalation_loop, stores_of
from pager_grpc.pager.config import PagerSettings
from pager_grpc.pager.delivery_loop import DeliveryLoop
from pager_grpc.pager.escalation_policies_ahead import AskedAhead
from pager_grpc.pager.escalation_policies_grpc import GrpcEscalationPolicies
from pager_grpc.pager.incident_records_sql import SqlIncidentRecords
from pager_grpc.pager.incident_views_sql import SqlIncidentViews
from pager_grpc.pager.lanes import LANES
from pager_grpc.pager.maintenance_windows_sql import SqlMaintenanceWindows
from pager_grpc.pager.measured import Measured
from pager_grpc.pager.metrics import (
    unreadable_addresses,
)
from pager_grpc.pager.notification_senders_grpc import GrpcNotificationSenders
from pager_grpc.pager.raise_rates import UNLIMITED, RaiseRates
from pager_grpc.pager.request_lanes import MAX_BATCH, request_lanes
from pager_grpc.pager.sealing import Sealing
from pager_grpc.pager.servicer import SERVICE_NAME, PagerServicer
from pager_grpc.pager.status import PagingStatus
from pager_grpc.pager.wakeups import TELL_LATER_SECONDS, Wakeups, listen
from pager_grpc.pager.wire_errors import ERRORS
from pager_grpc.room_server import RoomContract, server_of, surroundings_of
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.clock import SystemClock
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.group_commit import GroupCommit
from pager_grpc.runtime.metrics import Metrics
from pager_grpc.runtime.supervision import Doorbell, run_forever, running

if TYPE_CHECKING:
    from pager_grpc.runtime.tls import Tls


@asynccontextmanager
async def running_pager(
    settings: PagerSettings,
    *,
    database: Database | None = None,
    also_serve: Callable[[grpc.aio.Server], None] | None = None,
    paging: bool = True,
    metrics: Metrics | None = None,
) -> AsyncIterator[int]:
    """Serves and pages while it is entered and yields the port; what is in flight is finished when it is left.

    A ``database`` that is given stays open; ``also_serve`` adds services to the same server (the benchmark's empty
    call); without ``paging`` it only takes calls, for other replicas to act on; ``metrics`` says where they are served.

    Raises:
        ConfigurationFault: the address or the database cannot be used.
    """
    async with AsyncExitStack() as stack:
        around = await stack.enter_async_context(surroundings_of(settings, database=database, metrics=metrics))
        database, metrics, tracing = around.database, around.metrics, around.tracing
        sealing = Sealing(address_keys(settings), unreadable_addresses(metrics.registry))
        policy, notifier, senders = await stack.enter_async_context(_others(settings, around.tls))
        wakeups = Wakeups()
        measured = Measured(metrics, around.rpcs)
        store, outbox = stores_of(settings, database, wakeups, sealing, measured)
        views = SqlIncidentViews(database, sealing)
        windows = SqlMaintenanceWindows(database, wakeups)
        policies: EscalationPolicyRepository = GrpcEscalationPolicies(policy, settings.policy_deadline)
        if paging:  # whoever asks ahead is who escalates then
            policies = await stack.enter_async_context(AskedAhead(policies))
        catch_all = [email_target("catch-all", settings.catch_all_email)]
        application = application_over(store, outbox, policies, senders, catch_all)

        lanes = request_lanes(application, database, tracing, measured)
        recorder = GroupCommit(measured.commit("pages", _recording(application, database)), MAX_BATCH)
        deliveries = DeliveryLoop(application, outbox, recorder, wakeups.delivery, tracing)
        escalations = escalation_loop(store, outbox, policies, senders, catch_all, deliveries, tracing)

        server = server_of(
            _contract(settings),
            around,
            neighbors={"policy": policy, "notifier": notifier},
            part=PagingStatus(SqlBacklogs(database), metrics.registry).add,
        )
        pb_grpc.add_PagerServiceServicer_to_server(
            PagerServicer(
                lanes,
                views,
                windows,
                wakeups,
                EscalationPreview(policies, catch_all),
                SystemClock(),
                RaiseRates(settings.raise_rate, _caller_of(settings), metrics.registry),
            ),
            server.grpc,
        )
        if also_serve is not None:
            also_serve(server.grpc)
        # Left in the opposite order: no new calls, no new claims, attempts finished, last batches committed.
        await stack.enter_async_context(running(lanes.alerts.run(), lanes.answers.run(), recorder.run()))
        stack.push_async_callback(deliveries.drain)
        loops: list[Awaitable[None]] = [run_forever("pager_health", partial(server.check_health, database), Doorbell())]
        if paging:
            loops += [
                run_forever("escalation", partial(database.retrying, escalations.step), wakeups.escalation),
                run_forever("delivery", partial(database.retrying, deliveries.step), wakeups.delivery),
                maintenance(store, windows, database, wakeups),
            ]
            loops += audit_and_canary(
                settings, Auditor(views, SqlIncidentRecords(database, sealing)), lanes, views, wakeups, metrics
            )
            loops += forgetting(settings, database, metrics)
            loops += measured.loops(SqlBacklogs(database))
            loops.append(forecasting(database, sealing, policy, metrics))
        if not database.is_sqlite:
            loops.append(listen(database.url, wakeups, TELL_LATER_SECONDS if paging else 0.0))
        await stack.enter_async_context(running(*loops))
        stack.push_async_callback(server.stop)
        stack.callback(wakeups.close)
        yield await server.start(settings.listen)


def _contract(settings: PagerSettings) -> RoomContract:
    return RoomContract(services=(SERVICE_NAME,), errors=ERRORS, access=ACCESS, lanes=LANES, places=settings.places)


def _caller_of(settings: PagerSettings) -> Callable[[], str]:
    """By whose rate an alert counts: all who show nothing share one, if the operator gave one."""
    anonymous = UNLIMITED if settings.given_raise_rate is None else ANONYMOUS.name

    def caller() -> str:
        principal = current_principal()
        return principal.name if principal.role is not Role.ANONYMOUS else anonymous

    return caller


@asynccontextmanager
async def _others(
    settings: PagerSettings, tls: "Tls | None"
) -> AsyncIterator[tuple[grpc.aio.Channel, grpc.aio.Channel, GrpcNotificationSenders]]:
    async with (
        open_channel(settings.policy_target, tls=tls, room="policy", key=settings.own_service_key) as policy,
        open_channel(settings.notifier_target, tls=tls, room="notifier", key=settings.own_service_key) as notifier,
        GrpcNotificationSenders(notifier) as senders,
    ):
        yield policy, notifier, senders


def _recording(
    application: PagerApplicationService, database: Database
) -> Callable[[Sequence[Result]], Awaitable[list[bool | DomainError]]]:
    """Commits the ends of a batch of attempts."""

    async def commit(batch: Sequence[Result]) -> list[bool | DomainError]:
        await database.retrying(partial(application.record, batch))
        return [True] * len(batch)

    return commit
