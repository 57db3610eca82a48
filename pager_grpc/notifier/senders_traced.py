"""Other senders, with a span for each time that a provider is asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from pager_domain.notifier.messages import EmailMessage, SmsMessage
from pager_domain.notifier.model import Accepted, ProviderAnswer
from pager_domain.notifier.ports.email_sender import EmailSender
from pager_domain.notifier.ports.sms_sender import SmsSender
from pager_grpc.runtime.trace_context import current_traceparent
from pager_grpc.runtime.tracing import Span, SpanKind, Tracing, spanning


class TracedEmailSender(EmailSender):
    """``sender``; what it answers is noted, not what it says."""

    def __init__(self, sender: EmailSender, tracing: Tracing) -> None:
        self._sender = sender
        self._tracing = tracing
        self.provider = sender.provider

    async def send_email(self, message: EmailMessage, budget: timedelta) -> ProviderAnswer:
        """As ``sender``."""
        with _asking(self.provider, self._tracing) as span:
            return _noted(span, await self._sender.send_email(message, budget))


class TracedSmsSender(SmsSender):
    """``sender``; what it answers is noted, not what it says."""

    def __init__(self, sender: SmsSender, tracing: Tracing) -> None:
        self._sender = sender
        self._tracing = tracing
        self.provider = sender.provider

    async def send_sms(self, message: SmsMessage, budget: timedelta) -> ProviderAnswer:
        """As ``sender``."""
        with _asking(self.provider, self._tracing) as span:
            return _noted(span, await self._sender.send_sms(message, budget))


@contextmanager
def _asking(provider: str, tracing: Tracing) -> Iterator[Span]:
    parent, known = current_traceparent.get(), {"pager.provider": provider}
    with spanning(tracing, f"ask {provider}", parent=parent, kind=SpanKind.CLIENT, attributes=known) as span:
        yield span


def _noted(span: Span, answer: ProviderAnswer) -> ProviderAnswer:
    outcome = type(answer).__name__
    span.note({"pager.answer": outcome})
    if not isinstance(answer, Accepted):
        span.fail(outcome)
    return answer
