"""A provider of e-mails that keeps what it took."""

import asyncio
from datetime import timedelta

from pager_domain.notifier.messages import EmailMessage
from pager_domain.notifier.model import Accepted, Deferred, InDoubt, ProviderAnswer
from pager_domain.notifier.ports.email_sender import EmailSender


class FakeEmailSender(EmailSender):
    """``answers`` are given in turn, then everything is accepted. ``handed_over`` is what was begun, ``taken`` what
    may have arrived. With a cleared ``gate`` the provider hesitates until it is set.
    """

    provider = "fake-email"

    def __init__(self, *answers: ProviderAnswer | Exception) -> None:
        self.answers = list(answers)
        self.handed_over: list[EmailMessage] = []
        self.taken: list[EmailMessage] = []
        self.budgets: list[timedelta] = []
        self.called = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def send_email(self, message: EmailMessage, budget: timedelta) -> ProviderAnswer:
        self.handed_over.append(message)
        self.budgets.append(budget)
        self.called.set()
        await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else Accepted(f"fake-{len(self.taken) + 1}")
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Accepted | InDoubt):
            self.taken.append(message)
        return answer

    def break_down(self) -> None:
        """From now on nobody answers."""
        self.answers = [Deferred(timedelta(seconds=5), "connection refused")] * 100
