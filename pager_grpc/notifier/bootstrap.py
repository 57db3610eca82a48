"""The notifier room put together."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

import structlog
from prometheus_client import Counter

from pager_domain.kernel import Clock, EmailAddress
from pager_domain.notifier.application import NotifierApplicationService
from pager_domain.notifier.model import LEASE
from pager_domain.notifier.ports.email_sender import EmailSender
from pager_domain.notifier.ports.sms_sender import SmsSender
from pager_grpc.access.bootstrap import access_of
from pager_grpc.access.principal import current_principal
from pager_grpc.changes import bootstrap as changes
from pager_grpc.gen.notifier.v1 import notifier_service_pb2_grpc as pb_grpc
from pager_grpc.notifier.access_table import ACCESS
from pager_grpc.notifier.attempts import RunningAttempts
from pager_grpc.notifier.canary_sink import CanarySink
from pager_grpc.notifier.config import NotifierSettings
from pager_grpc.notifier.deliveries_sql import SqlDeliveryLedger
from pager_grpc.notifier.delivery_history_sql import SqlDeliveryHistory
from pager_grpc.notifier.email_smtp import SmtpEmailSender
from pager_grpc.notifier.lanes import LANES, PLACES
from pager_grpc.notifier.mailbox import Mailbox
from pager_grpc.notifier.metrics import ProviderMetrics
from pager_grpc.notifier.provider_watch import watched
from pager_grpc.notifier.senders_traced import TracedEmailSender, TracedSmsSender
from pager_grpc.notifier.servicer import SERVICE_NAME, NotifierServicer
from pager_grpc.notifier.smtp_server import SmtpServer
from pager_grpc.notifier.status import ProvidersStatus
from pager_grpc.notifier.wire_errors import ERRORS
from pager_grpc.runtime.admission import Admission
from pager_grpc.runtime.certificate_watch import watched_tls
from pager_grpc.runtime.clock import SystemClock
from pager_grpc.runtime.database import Database, open_database
from pager_grpc.runtime.deadlines import ImposedDeadlines
from pager_grpc.runtime.durability import require_durable
from pager_grpc.runtime.forgetting import ForgettingLoop
from pager_grpc.runtime.metrics import Metrics
from pager_grpc.runtime.metrics_batches import BatchMetrics
from pager_grpc.runtime.metrics_database import measure_database
from pager_grpc.runtime.schema import newest_revision, prepare_schema
from pager_grpc.runtime.server import Server
from pager_grpc.runtime.sqlite_backup import offering_backups
from pager_grpc.runtime.supervision import Doorbell, run_forever, running
from pager_grpc.runtime.tracing import tracing_as_configured
from pager_grpc.runtime.tracing_rpc import calls_in
from pager_grpc.status.servicer import SERVICE_NAME as STATUS_SERVICE
from pager_grpc.status.servicer import StatusServicer, serve_status

log = structlog.get_logger()


@asynccontextmanager
async def running_notifier(
    settings: NotifierSettings,
    *,
    database: Database | None = None,
    email_sender: EmailSender | None = None,
    sms_sender: SmsSender | None = None,
    clock: Clock | None = None,
    metrics: Metrics | None = None,
) -> AsyncIterator[int]:
    """Serves while it is entered and yields the port; when it is left, running attempts are finished and recorded.

    What is given stays open; what is not given is made from ``settings``. ``metrics`` says where they are served.

    Raises:
        ConfigurationFault: the address or the database cannot be used.
    """
    clock = clock or SystemClock()
    metrics = metrics or Metrics()
    async with AsyncExitStack() as stack:
        tracing = await stack.enter_async_context(tracing_as_configured(settings, "notifier", metrics.registry))
        if database is None:
            database = open_database(settings.database_url, clock=clock, known_revision=newest_revision("notifier"))
            stack.push_async_callback(database.close)
        await require_durable(database, "notifier", allow_data_loss=settings.allow_data_loss)
        await prepare_schema(database, "notifier")
        await stack.enter_async_context(offering_backups(database))
        tls = await stack.enter_async_context(watched_tls(settings, metrics.registry))
        rpcs = await stack.enter_async_context(metrics.served("notifier", settings.metrics_listen, tls))
        ledger = SqlDeliveryLedger(database, _measured(database, metrics) if rpcs else None)
        email, sms = watched(
            email_sender or await _email_sender(settings, clock, stack),
            sms_sender or await _sms_sender(settings, clock, stack),
            clock,
            ProviderMetrics(metrics.registry) if rpcs else None,
        )
        await stack.enter_async_context(running(ledger.run()))
        attempts = RunningAttempts()
        stack.push_async_callback(attempts.finish, LEASE.total_seconds())
        email_sender, sms_sender = email, sms
        if tracing is not None:
            email_sender, sms_sender = TracedEmailSender(email, tracing), TracedSmsSender(sms, tracing)
        application = NotifierApplicationService(ledger, CanarySink(email_sender), sms_sender)
        access = access_of(settings, ACCESS, database, clock)
        server = Server(
            SERVICE_NAME,
            access.errors_with(ERRORS),
            also_served=[changes.SERVICE_NAME, STATUS_SERVICE, *access.also_served],
            reflected=access.reflected,
            metrics=rpcs,
            tls=tls,
            callers_listen=settings.callers_listen,
            traces=calls_in(tracing),
            limits=settings.limits(),
            layers=[
                ImposedDeadlines(settings.deadline, settings.stream_age),
                *access.layers,
                changes.attribution(current_principal),
                Admission(LANES, PLACES, ERRORS, metrics.registry),
            ],
        )
        access.serve(server.grpc)
        servicer = NotifierServicer(application, attempts, tracing)
        pb_grpc.add_NotifierServiceServicer_to_server(servicer, server.grpc)
        changes.serve_change_log(server, database)
        serve_status(
            server,
            StatusServicer(
                "notifier",
                database,
                metrics.registry,
                neighbors={},
                authenticated=settings.access_required,
                part=ProvidersStatus((email.watch, sms.watch)).add,
            ),
        )
        port = await server.start(settings.listen)
        stack.push_async_callback(server.stop)
        stack.callback(servicer.close)
        health = run_forever("notifier_health", partial(server.check_health, database), Doorbell())
        async with running(health, *_forgetting(settings, database, metrics)):
            yield port


def _measured(database: Database, metrics: Metrics) -> BatchMetrics:
    measure_database(database, metrics.registry)
    return BatchMetrics(metrics.registry)


async def _email_sender(settings: NotifierSettings, clock: Clock, stack: AsyncExitStack) -> EmailSender:
    if settings.smtp_url is None or settings.email_from is None:
        return _mailbox("email", settings, clock)
    server = SmtpServer.from_url(settings.smtp_url.get_secret_value())
    sender = SmtpEmailSender(server, EmailAddress(settings.email_from), clock, sessions=settings.smtp_sessions)
    return await stack.enter_async_context(sender)


async def _sms_sender(settings: NotifierSettings, clock: Clock, stack: AsyncExitStack) -> SmsSender:
    if not (settings.sms_url and settings.sms_account and settings.sms_token and settings.sms_from):
        return _mailbox("sms", settings, clock)
    token = settings.sms_token.get_secret_value()
    from pager_grpc.notifier.sms_http import HttpSmsSender  # noqa: PLC0415 - without a gateway nobody waits for httpx

    gateway = (settings.sms_url, settings.sms_account, token, settings.sms_from)
    sender = HttpSmsSender(*gateway, clock=clock, connections=settings.sms_connections, allowed=settings.outbound_allow)
    return await stack.enter_async_context(sender)


def _forgetting(settings: NotifierSettings, database: Database, metrics: Metrics) -> list[Awaitable[None]]:
    if not settings.retention_days:
        return []
    history, kept = SqlDeliveryHistory(database), timedelta(days=settings.retention_days)

    async def forget() -> tuple[str, int] | None:
        rows = await history.forget(kept)
        return ("delivery", rows) if rows else None

    counter = Counter("notifier_forgotten_rows_total", "Rows, forgotten.", ["what"], registry=metrics.registry)
    counter.labels("delivery")
    return [run_forever("forgetting", ForgettingLoop(forget, counter).step, Doorbell())]


def _mailbox(channel: str, settings: NotifierSettings, clock: Clock) -> Mailbox:
    folder = settings.data / "mailbox"
    log.warning("no_provider_configured", channel=channel, written_to=str(folder))
    return Mailbox(folder, clock)
