"""Messages and times for tests of the notifier."""

from datetime import UTC, datetime, timedelta

from pager_domain.kernel import Clock, EmailAddress, PhoneNumber
from pager_domain.notifier.messages import EmailMessage, SmsMessage

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
ANA = "ana@example.com"
ANA_PHONE = "+4915112345678"
BUDGET = timedelta(seconds=4)


def plenty() -> timedelta:
    """What remains of the patience of a caller who has much."""
    return timedelta(seconds=5)


def an_email(
    delivery_id: str = "page-1", *, to: str = ANA, subject: str = "checkout is down", text: str = "Please look."
) -> EmailMessage:
    return EmailMessage(delivery_id, EmailAddress(to), subject, text)


def an_sms(delivery_id: str = "page-1", *, to: str = ANA_PHONE, text: str = "checkout is down") -> SmsMessage:
    return SmsMessage(delivery_id, PhoneNumber(to), text)


class HandClock(Clock):
    """A clock that is moved by hand."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
