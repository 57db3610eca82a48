"""The pager's use cases in this process, on a real database: for what a call would only blur."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from pager_domain.kernel import EmailAddress, PhoneNumber, email_target
from pager_domain.pager.application import PagerApplicationService
from pager_domain.pager.events import NotificationId
from pager_domain.pager.levels import addresses
from pager_domain.pager.model import EscalationPolicy
from pager_domain.pager.ports.email_sender import EmailSender, HandOff, NotNow
from pager_domain.pager.ports.escalation_policy_repository import EscalationPolicyRepository, NoPolicy, PolicyQuestion
from pager_domain.pager.ports.monitored_services import MonitoredServices
from pager_domain.pager.ports.sms_sender import SmsSender
from pager_grpc.pager.address_keys import new_key
from pager_grpc.pager.composition import new_incident_id
from pager_grpc.pager.monitored_services_sql import SqlMonitoredServices
from pager_grpc.pager.notification_outbox_sql import SqlNotificationOutbox
from pager_grpc.pager.sealing import Sealing
from pager_grpc.pager.wakeups import Wakeups
from pager_grpc.runtime.database import open_database

_ON_CALL = email_target("on-call", "on-call@example.com")


class OnePolicy(EscalationPolicyRepository):
    """Answers at once, for every service the same: one level, one e-mail."""

    async def resolve(self, questions: Sequence[PolicyQuestion]) -> list[EscalationPolicy | NoPolicy]:
        """The same policy as often as it was asked for."""
        return [EscalationPolicy("bench", 1, (addresses([_ON_CALL]),))] * len(questions)


class NoProviders(EmailSender, SmsSender):
    """Nothing is delivered here."""

    async def send_email(
        self,
        address: EmailAddress,
        subject: str,
        body: str,
        notification_id: NotificationId,
        fencing_token: int,
        since_first_attempt: timedelta = timedelta(),
    ) -> HandOff:
        """Not taken."""
        return NotNow("nothing is delivered here")

    async def send_sms(
        self,
        number: PhoneNumber,
        text: str,
        notification_id: NotificationId,
        fencing_token: int,
        since_first_attempt: timedelta = timedelta(),
    ) -> HandOff:
        """Not taken."""
        return NotNow("nothing is delivered here")


@dataclass(frozen=True, slots=True)
class UseCases:
    """The application service, and the port of its store."""

    application: PagerApplicationService
    store: MonitoredServices


@asynccontextmanager
async def use_cases(url: str) -> AsyncIterator[UseCases]:
    """Over the database at ``url``, while it is entered."""
    database, wakeups = open_database(url), Wakeups()
    sealing = Sealing([new_key()])
    store = SqlMonitoredServices(database, wakeups, sealing)
    application = PagerApplicationService(
        store=store,
        outbox=SqlNotificationOutbox(database, wakeups, sealing),
        policies=OnePolicy(),
        email_sender=NoProviders(),
        sms_sender=NoProviders(),
        catch_all=[_ON_CALL],
        new_incident_id=new_incident_id,
    )
    try:
        yield UseCases(application, store)
    finally:
        await database.close()
