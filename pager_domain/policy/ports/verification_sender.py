"""What takes codes to their contact methods."""

from enum import StrEnum
from typing import Protocol

from pager_domain.policy.people import Address
from pager_domain.policy.verification import VerificationMessage


class SendOutcome(StrEnum):
    """What became of a message."""

    SENT = "sent"
    REFUSED = "refused"
    NOT_SENT = "not_sent"


class VerificationSender(Protocol):
    """Sends one message with a code."""

    async def send(self, address: Address, message: VerificationMessage, request_id: str) -> SendOutcome:
        """SENT once a provider took it, REFUSED if none ever will, else NOT_SENT: then nobody surely has it.

        It ends within some seconds. Of one ``request_id`` (1 to 255 bytes) no second message is sent.
        """
