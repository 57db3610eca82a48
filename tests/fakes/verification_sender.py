"""A sender that keeps what it was given."""

import asyncio
import re

from pager_domain.policy.people import Address
from pager_domain.policy.ports.verification_sender import SendOutcome, VerificationSender
from pager_domain.policy.verification import VerificationMessage


class FakeVerificationSender(VerificationSender):
    """``outcome`` is what becomes of messages; with a cleared ``gate`` it hesitates."""

    def __init__(self) -> None:
        self.sent: list[tuple[Address, str, str]] = []
        self.outcome = SendOutcome.SENT
        self.called, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()

    @property
    def codes(self) -> list[str]:
        """The codes, the oldest first."""
        return [re.match(r"[0-9]{6}", text).group() for _, text, _ in self.sent]

    async def send(self, address: Address, message: VerificationMessage, request_id: str) -> SendOutcome:
        self.sent.append((address, message.text, request_id))
        self.called.set()
        await self.gate.wait()
        return self.outcome
