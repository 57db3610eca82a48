"""The way to an SMS gateway."""

from datetime import timedelta
from typing import Protocol

from pager_domain.notifier.messages import SmsMessage
from pager_domain.notifier.model import ProviderAnswer


class SmsSender(Protocol):
    """Hands text messages to one provider, named ``provider`` in the ledger."""

    provider: str

    async def send_sms(self, message: SmsMessage, budget: timedelta) -> ProviderAnswer:
        """Tries once and answers within ``budget``.

        Faults of the provider or of the network are answers, never exceptions: Deferred only if the message was
        certainly not taken, InDoubt whenever its content may have left and no answer came back.
        """
