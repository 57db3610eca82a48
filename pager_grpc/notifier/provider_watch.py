"""What providers answered lately: told to whoever asks for the status, and counted where metrics are served."""

from collections.abc import Awaitable
from datetime import datetime, timedelta
from time import perf_counter

from pager_domain.kernel import Clock
from pager_domain.notifier.messages import Channel, EmailMessage, SmsMessage
from pager_domain.notifier.model import Accepted, Deferred, InDoubt, ProviderAnswer, Refused
from pager_domain.notifier.ports.email_sender import EmailSender
from pager_domain.notifier.ports.sms_sender import SmsSender
from pager_domain.values import changed, value
from pager_grpc.notifier.metrics import ProviderMetrics

OUTCOMES = {Accepted: "accepted", Refused: "refused", Deferred: "deferred", InDoubt: "in_doubt"}
FAILED = "failed"
"""An attempt that ended with an exception."""


@value
class ProviderSeen:
    """A provider, and what this process has heard of it. That it refused a message is no failure of its own."""

    channel: Channel
    provider: str
    accepted_at: datetime | None = None
    failed_at: datetime | None = None
    failure: str = ""


class ProviderWatch:
    """Hears the answers of one provider."""

    def __init__(self, channel: Channel, provider: str, clock: Clock, metrics: ProviderMetrics | None) -> None:
        self.seen = ProviderSeen(channel, provider)
        self._clock = clock
        self._metrics = metrics

    async def heard(self, call: Awaitable[ProviderAnswer]) -> ProviderAnswer:
        """The answer of ``call``, which is counted when it has come."""
        begun, outcome = perf_counter(), FAILED
        try:
            answer = await call
            outcome = OUTCOMES[type(answer)]
        finally:
            self._remember(outcome)
            if self._metrics is not None:
                self._metrics.answered(self.seen.channel, self.seen.provider, outcome, perf_counter() - begun)
        return answer

    def _remember(self, outcome: str) -> None:
        if outcome == OUTCOMES[Accepted]:
            self.seen = changed(self.seen, accepted_at=self._clock.now())
        elif outcome != OUTCOMES[Refused]:
            self.seen = changed(self.seen, failed_at=self._clock.now(), failure=outcome)


class WatchedEmailSender(EmailSender):
    """``sender``, whose answers ``watch`` hears."""

    def __init__(self, sender: EmailSender, watch: ProviderWatch) -> None:
        self._sender = sender
        self.watch = watch
        self.provider = sender.provider

    async def send_email(self, message: EmailMessage, budget: timedelta) -> ProviderAnswer:
        """As ``sender``."""
        return await self.watch.heard(self._sender.send_email(message, budget))


class WatchedSmsSender(SmsSender):
    """As :class:`WatchedEmailSender`."""

    def __init__(self, sender: SmsSender, watch: ProviderWatch) -> None:
        self._sender = sender
        self.watch = watch
        self.provider = sender.provider

    async def send_sms(self, message: SmsMessage, budget: timedelta) -> ProviderAnswer:
        """As ``sender``."""
        return await self.watch.heard(self._sender.send_sms(message, budget))


def watched(
    email_sender: EmailSender, sms_sender: SmsSender, clock: Clock, metrics: ProviderMetrics | None
) -> tuple[WatchedEmailSender, WatchedSmsSender]:
    """Both senders, watched, and measured by ``metrics``."""
    if metrics is not None:
        metrics.watch(Channel.EMAIL, email_sender.provider, email_sender)
        metrics.watch(Channel.SMS, sms_sender.provider, sms_sender)
    email = ProviderWatch(Channel.EMAIL, email_sender.provider, clock, metrics)
    sms = ProviderWatch(Channel.SMS, sms_sender.provider, clock, metrics)
    return WatchedEmailSender(email_sender, email), WatchedSmsSender(sms_sender, sms)
