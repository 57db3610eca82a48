"""Handing an e-mail to whoever really sends, and the answers that both senders give."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from pager_domain.kernel import EmailAddress
from pager_domain.pager.events import NotificationId
from pager_domain.values import value


@value
class HandedOff:
    """A provider took it."""

    provider: str
    provider_message_id: str = ""
    possibly_duplicated: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """It will never be taken."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotNow:
    """Not taken yet, or nobody knows: try again under the same id.

    ``after`` is set when the other side named it; ``reached`` is False when there was no other side at all.
    """

    reason: str
    after: timedelta | None = None
    reached: bool = True


@dataclass(frozen=True, slots=True)
class FateUnknown:
    """It may or may not have been taken, and the notifier allows no further attempt."""

    reason: str


HandOff = HandedOff | Refused | NotNow | FateUnknown


class EmailSender(Protocol):
    """Sends an e-mail at most once per ``notification_id``, however often it is asked."""

    async def send_email(
        self,
        address: EmailAddress,
        subject: str,
        body: str,
        notification_id: NotificationId,
        fencing_token: int,
        since_first_attempt: timedelta = timedelta(),
    ) -> HandOff:
        """Answers within 5 s; it never raises. An attempt with a lower token than the newest is refused as NotNow.

        ``since_first_attempt`` is how long ago the first one may have been, none if this is the first: the notifier
        does not remember for ever.
        """
