"""The way to a mail server."""

from datetime import timedelta
from typing import Protocol

from pager_domain.notifier.messages import EmailMessage
from pager_domain.notifier.model import ProviderAnswer


class EmailSender(Protocol):
    """Hands e-mails to one provider, named ``provider`` in the ledger."""

    provider: str

    async def send_email(self, message: EmailMessage, budget: timedelta) -> ProviderAnswer:
        """Tries once and answers within ``budget``.

        Faults of the provider or of the network are answers, never exceptions: Deferred only if the message was
        certainly not taken, InDoubt whenever its content may have left and no answer came back.
        """
