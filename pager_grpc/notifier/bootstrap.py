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
from pager_grpc.notifier.sms_bounded import BoundedSmsSender
from pager_grpc.notifier.smtp_server import SmtpServer
from pager_grpc.notifier.status import ProvidersStatus
from pager_grpc.notifier.wire_errors import ERRORS
from pager_grpc.room_server import RoomContract, server_of, surroundings_of
from pager_grpc.runtime.clock import SystemClock
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.forgetting import ForgettingLoop
from pager_grpc.runtime.metrics import Metrics
from pager_grpc.runtime.metrics_batches import BatchMetrics
from pager_grpc.runtime.supervision import Doorbell, run_forever, running

log = structlog.get_logger()

_CONTRACT = RoomContract(services=(SERVICE_NAME,), errors=ERRORS, access=ACCESS, lanes=LANES, places=PLACES)


@asynccontextmanager
async def running_notifier(
    settings: NotifierSettings,
    *,
    database: Database | None = None,
    email_sender: EmailSender | None = None,
    sms_sender: SmsSender | None = None,
    metrics: Metrics | None = None,
) -> AsyncIterator[int]:
    """Serves while it is entered and yields the port; when it is left, running attempts are finished and recorded.

    What is given stays open; what is not given is made from ``settings``. ``metrics`` says where they are served.

    Raises:
        ConfigurationFault: the address or the database cannot be used.
    """
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        around = await stack.enter_async_context(surroundings_of(settings, database=database, metrics=metrics))
        database, metrics, tracing = around.database, around.metrics, around.tracing
        ledger = SqlDeliveryLedger(database, BatchMetrics(metrics.registry) if around.rpcs else None)
        email, sms = watched(
            email_sender or await _email_sender(settings, clock, stack),
            sms_sender or await _sms_sender(settings, clock, stack),
            clock,
            ProviderMetrics(metrics.registry) if around.rpcs else None,
        )
        await stack.enter_async_context(running(ledger.run()))
        attempts = RunningAttempts()
        stack.push_async_callback(attempts.finish, LEASE.total_seconds())
        email_sender, sms_sender = email, sms
        if tracing is not None:
            email_sender, sms_sender = TracedEmailSender(email, tracing), TracedSmsSender(sms, tracing)
        sms_sender = _bounded(sms_sender, settings, metrics)
        application = NotifierApplicationService(ledger, CanarySink(email_sender), sms_sender)
        part = ProvidersStatus((email.watch, sms.watch)).add
        server = server_of(_CONTRACT, around, neighbors={}, part=part)
        servicer = NotifierServicer(application, attempts, tracing)
        pb_grpc.add_NotifierServiceServicer_to_server(servicer, server.grpc)
        port = await server.start(settings.listen)
        stack.push_async_callback(server.stop)
        stack.callback(servicer.close)
        health = run_forever("notifier_health", partial(server.check_health, database), Doorbell())
        async with running(health, *_forgetting(settings, database, metrics)):
            yield port


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


def _bounded(sender: SmsSender, settings: NotifierSettings, metrics: Metrics) -> SmsSender:
    if not (settings.sms_prefixes or settings.sms_per_day):
        return sender
    return BoundedSmsSender(sender, settings.sms_prefixes, settings.sms_per_day, metrics.registry)


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
