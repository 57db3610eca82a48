"""The use cases of the notifier: hand a message over, look into the ledger."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from pager_domain.notifier.errors import DeliveryUnknown, ProviderDeferred
from pager_domain.notifier.messages import EmailMessage, Message, SmsMessage
from pager_domain.notifier.model import (
    Accepted,
    Deferred,
    Delivery,
    DeliveryState,
    HandOffRequest,
    InDoubt,
    ProviderAnswer,
    begin,
    outcome,
    settle,
)
from pager_domain.notifier.ports.delivery_ledger import DeliveryLedger, LedgerPosition
from pager_domain.notifier.ports.email_sender import EmailSender
from pager_domain.notifier.ports.sms_sender import SmsSender

PROVIDER_BUDGET = timedelta(seconds=4)
"""The longest that a provider is waited for; with both ledger transactions well below the lease."""
LEAST_REMAINING = timedelta(seconds=0.2)
"""With less than this before the caller's deadline nothing is sent."""
RECORDING_RESERVE = timedelta(seconds=0.1)
"""What is kept of the caller's time for recording and answering."""
TOO_LITTLE_TIME = "too little time was left before the deadline; nothing was sent"

Remaining = Callable[[], timedelta]
"""How long the caller still waits, asked again when it matters."""
AnyMessage = TypeVar("AnyMessage", EmailMessage, SmsMessage)
Send = Callable[[AnyMessage, timedelta], Awaitable[ProviderAnswer]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the ledger; ``next_position`` is where the next one begins, None on the last."""

    deliveries: Sequence[Delivery]
    next_position: LedgerPosition | None


class NotifierApplicationService:
    """Hands messages to providers, at most once each unless in doubt.

    An attempt is two transactions around one call of a provider: SENDING is stored before the call, so that a crash
    in between is seen as a doubt and is neither lost nor silently doubled.
    """

    def __init__(self, ledger: DeliveryLedger, email_sender: EmailSender, sms_sender: SmsSender) -> None:
        self._ledger = ledger
        self._email_sender = email_sender
        self._sms_sender = sms_sender

    async def send_email(
        self, message: EmailMessage, fencing_token: int, remaining: Remaining, since_first: timedelta = timedelta()
    ) -> Delivery:
        """The delivery once a provider took the e-mail; a repeat is answered from the ledger.

        Raises:
            DomainError: every other outcome; see :mod:`pager_domain.notifier.errors`.
        """
        request = HandOffRequest(message, self._email_sender.provider, fencing_token, since_first)
        return await self._attempt(message, request, remaining, self._email_sender.send_email)

    async def send_sms(
        self, message: SmsMessage, fencing_token: int, remaining: Remaining, since_first: timedelta = timedelta()
    ) -> Delivery:
        """As :meth:`send_email`, for a text message."""
        request = HandOffRequest(message, self._sms_sender.provider, fencing_token, since_first)
        return await self._attempt(message, request, remaining, self._sms_sender.send_sms)

    async def get(self, delivery_id: str) -> Delivery:
        """One line of the ledger.

        Raises:
            DeliveryUnknown: there is none.
        """
        found = await self._ledger.find(delivery_id)
        if found is None:
            raise DeliveryUnknown(delivery_id)
        return found

    async def newest(self, states: Collection[DeliveryState], page_size: int, before: LedgerPosition | None) -> Page:
        """A page of the ledger, the newest first."""
        found = await self._ledger.newest(states, page_size + 1, before)
        shown = found[:page_size]
        if len(found) <= page_size:
            return Page(shown, None)
        return Page(shown, LedgerPosition(shown[-1].create_time, shown[-1].delivery_id))

    async def _attempt(
        self, message: AnyMessage, request: HandOffRequest, remaining: Remaining, send: Send[AnyMessage]
    ) -> Delivery:
        if remaining() < LEAST_REMAINING:
            raise ProviderDeferred(message.delivery_id, request.provider, TOO_LITTLE_TIME, timedelta())
        begun = await self._begin(message.delivery_id, request)
        if begun.state is not DeliveryState.SENDING:
            return outcome(begun)
        sent = message.marked_possible_duplicate() if begun.possible_duplicate else message
        try:
            answer = await _answer_in_time(send, sent, remaining())
        except Exception as fault:
            await self._record(begun, InDoubt(f"unexpected {type(fault).__name__}"))
            raise
        return outcome(await self._record(begun, _without_recipient(answer, message)))

    async def _begin(self, delivery_id: str, request: HandOffRequest) -> Delivery:
        def rule(stored: Delivery | None, now: datetime) -> Delivery:
            return begin(stored, request, now)

        if request.since_first_attempt:
            return await self._ledger.change(delivery_id, rule)
        return await self._ledger.change_foreseen(delivery_id, None, rule)

    async def _record(self, begun: Delivery, answer: ProviderAnswer) -> Delivery:
        return await self._ledger.change_foreseen(
            begun.delivery_id, begun, lambda stored, now: settle(stored or begun, begun.attempt_count, answer, now)
        )


async def _answer_in_time(send: Send[AnyMessage], message: AnyMessage, remaining: timedelta) -> ProviderAnswer:
    # Asked again here, because storing SENDING may have taken its time: a page must not leave after its deadline.
    if remaining < LEAST_REMAINING:
        return Deferred(timedelta(), TOO_LITTLE_TIME)
    return await send(message, min(PROVIDER_BUDGET, remaining - RECORDING_RESERVE))


def _without_recipient(answer: ProviderAnswer, message: Message) -> ProviderAnswer:
    if isinstance(answer, Accepted):
        return answer
    return replace(answer, answer=message.without_recipient(answer.answer))
