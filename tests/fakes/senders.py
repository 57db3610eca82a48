"""The notifier as the pager sees it: takes pages, each at most once, or gives the answers it is told to give."""

from collections import Counter
from datetime import timedelta

from pager_domain.kernel import EmailAddress, PhoneNumber
from pager_domain.pager.events import NotificationId
from pager_domain.pager.ports.email_sender import EmailSender, HandedOff, HandOff, NotNow
from pager_domain.pager.ports.sms_sender import SmsSender


class FakeSenders(EmailSender, SmsSender):
    """``answers`` are given first, in order; ``sent`` counts what really went out, by address."""

    def __init__(self) -> None:
        self.answers: list[HandOff] = []
        self.sent: Counter[str] = Counter()
        self.texts: dict[NotificationId, str] = {}
        self.tokens: dict[NotificationId, int] = {}
        self.since: dict[NotificationId, timedelta] = {}

    async def send_email(
        self,
        address: EmailAddress,
        subject: str,
        body: str,
        notification_id: NotificationId,
        fencing_token: int,
        since_first_attempt: timedelta = timedelta(),
    ) -> HandOff:
        self.since[notification_id] = since_first_attempt
        return self._send(address.value, f"{subject}\n{body}", notification_id, fencing_token)

    async def send_sms(
        self,
        number: PhoneNumber,
        text: str,
        notification_id: NotificationId,
        fencing_token: int,
        since_first_attempt: timedelta = timedelta(),
    ) -> HandOff:
        self.since[notification_id] = since_first_attempt
        return self._send(number.value, text, notification_id, fencing_token)

    def _send(self, to: str, text: str, page: NotificationId, token: int) -> HandOff:
        if token < self.tokens.get(page, 0):
            return NotNow("a newer attempt has begun")
        self.tokens[page] = token
        if page in self.texts:
            return HandedOff("fake", page)
        answer = self.answers.pop(0) if self.answers else HandedOff("fake", page)
        if isinstance(answer, HandedOff):
            self.sent[to] += 1
            self.texts[page] = text
        return answer
