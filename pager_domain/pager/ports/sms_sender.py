"""Handing a text message to whoever really sends."""

from datetime import timedelta
from typing import Protocol

from pager_domain.kernel import PhoneNumber
from pager_domain.pager.events import NotificationId
from pager_domain.pager.ports.email_sender import HandOff


class SmsSender(Protocol):
    """Sends a text message at most once per ``notification_id``, however often it is asked."""

    async def send_sms(
        self,
        number: PhoneNumber,
        text: str,
        notification_id: NotificationId,
        fencing_token: int,
        since_first_attempt: timedelta = timedelta(),
    ) -> HandOff:
        """As :meth:`~pager_domain.pager.ports.email_sender.EmailSender.send_email`."""
