"""Where the canary's pages end: taken, recorded in the ledger like any other, and sent nowhere."""

from datetime import timedelta

from pager_domain.kernel import CANARY_ADDRESS
from pager_domain.notifier.messages import EmailMessage
from pager_domain.notifier.model import Accepted, ProviderAnswer
from pager_domain.notifier.ports.email_sender import EmailSender


class CanarySink(EmailSender):
    """``sender`` for everybody but the canary."""

    def __init__(self, sender: EmailSender) -> None:
        self._sender = sender
        self.provider = sender.provider

    async def send_email(self, message: EmailMessage, budget: timedelta) -> ProviderAnswer:
        """As ``sender``."""
        if message.address.value == CANARY_ADDRESS:
            return Accepted("canary")
        return await self._sender.send_email(message, budget)
