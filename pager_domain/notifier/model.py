"""The life of a delivery: what may be sent, what is answered from the ledger, what an answer of a provider changes.

::

    (new) ──> SENDING ──> ACCEPTED      a repeat is answered from the ledger
                │  ▲  ──> REFUSED       a repeat is answered from the ledger
                │  ├────> DEFERRED      a repeat tries again
                │  └────> IN_DOUBT      a repeat tries again, marked as a possible duplicate, twice at most
                └───────> UNKNOWN       the third doubt: no further attempt

SENDING is stored before the provider is called. When its lease has ended its process has died, and the attempt
counts as one that ended in doubt.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pager_domain.errors import InvalidField
from pager_domain.notifier.errors import (
    DeliveryFateUnknown,
    DeliveryInDoubt,
    DeliveryInProgress,
    FencingTokenStale,
    MessageRefused,
    ProviderDeferred,
    RequestIdReused,
)
from pager_domain.notifier.messages import Channel, Message
from pager_domain.values import changed, value

LEASE = timedelta(seconds=10)
"""How long an attempt may take; the provider's time is well below it."""
MAX_DOUBTS = 3
"""The first hand-off and two further ones: docs/guarantees.md, S4."""
REMEMBERED_FOR = timedelta(days=7)
"""So long after the first attempt the ledger surely knows a delivery; later it may have forgotten how it ended."""
DOUBT_RETRY_AFTER = timedelta(seconds=1)
MAX_ANSWER_CHARACTERS = 200


class DeliveryState(StrEnum):
    """How far a delivery has come."""

    SENDING = "sending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DEFERRED = "deferred"
    IN_DOUBT = "in_doubt"
    UNKNOWN = "unknown"


@value
class Accepted:
    """The provider took the message; its own id of it may be empty."""

    provider_message_id: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """The provider will never take this message."""

    answer: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """The message was certainly not taken; it may be tried again after ``retry_after``."""

    retry_after: timedelta
    answer: str


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The message may have left, and no answer came back."""

    answer: str


ProviderAnswer = Accepted | Refused | Deferred | InDoubt


@value
class HandOffRequest:
    """Somebody asks that ``message`` be handed to ``provider``; ``fencing_token`` grows with their attempts.

    ``since_first_attempt`` is how long ago they may first have asked, none on the first attempt.
    """

    message: Message
    provider: str
    fencing_token: int
    since_first_attempt: timedelta = timedelta()

    def __post_init__(self) -> None:
        if self.fencing_token < 0:
            raise InvalidField("fencing_token", "must be at least 0")


@value
class Delivery:
    """One line of the ledger. It knows a hint of the recipient and a hash of the content, never the two themselves."""

    delivery_id: str
    channel: Channel
    state: DeliveryState
    recipient_hint: str
    fingerprint: str
    provider: str
    fencing_token: int
    create_time: datetime
    update_time: datetime
    attempt_count: int = 1
    doubt_count: int = 0
    sending_until: datetime | None = None
    retry_time: datetime | None = None
    provider_message_id: str = ""
    provider_answer: str = ""

    @property
    def possible_duplicate(self) -> bool:
        """Whether an earlier attempt may have arrived."""
        return self.doubt_count > 0


def begin(stored: Delivery | None, request: HandOffRequest, now: datetime) -> Delivery:
    """The delivery as ``request`` leaves it: SENDING if the message is to be sent now, by the one who asked.

    ACCEPTED, REFUSED and UNKNOWN are answers from the ledger; see :func:`outcome`.

    Raises:
        RequestIdReused: the id belongs to another message.
        FencingTokenStale: an attempt with a higher token has begun.
        DeliveryInProgress: an attempt is under way.
    """
    if stored is None:
        return _first_attempt(request, now)
    if stored.fingerprint != request.message.fingerprint:
        raise RequestIdReused(stored.delivery_id)
    if request.fencing_token < stored.fencing_token:
        raise FencingTokenStale(stored.delivery_id)
    if stored.state is DeliveryState.SENDING:
        if stored.sending_until is not None and now < stored.sending_until:
            raise DeliveryInProgress(stored.delivery_id, stored.sending_until - now)
        stored = _doubted(stored, "the attempt was cut off", now)
    if stored.state in (DeliveryState.DEFERRED, DeliveryState.IN_DOUBT):
        return _next_attempt(stored, request, now)
    return stored


def settle(stored: Delivery, attempt_count: int, answer: ProviderAnswer, now: datetime) -> Delivery:
    """The delivery after the provider's answer to attempt ``attempt_count``; a late answer changes nothing."""
    if stored.state is not DeliveryState.SENDING or stored.attempt_count != attempt_count:
        return stored
    match answer:
        case Accepted(provider_message_id):
            return _settled(stored, DeliveryState.ACCEPTED, "", now, provider_message_id=_short(provider_message_id))
        case Refused(said):
            return _settled(stored, DeliveryState.REFUSED, said, now)
        case Deferred(retry_after, said):
            return _settled(stored, DeliveryState.DEFERRED, said, now, retry_time=now + retry_after)
        case InDoubt(said):
            return _doubted(stored, said, now)


def outcome(delivery: Delivery) -> Delivery:
    """``delivery`` if a provider took it.

    Raises:
        MessageRefused, ProviderDeferred, DeliveryInDoubt, DeliveryFateUnknown, DeliveryInProgress: it did not.
    """
    since = delivery.update_time
    match delivery.state:
        case DeliveryState.ACCEPTED:
            return delivery
        case DeliveryState.REFUSED:
            raise MessageRefused(delivery.delivery_id, delivery.provider, delivery.provider_answer)
        case DeliveryState.DEFERRED:
            wait = (delivery.retry_time or since) - since
            raise ProviderDeferred(delivery.delivery_id, delivery.provider, delivery.provider_answer, wait)
        case DeliveryState.IN_DOUBT:
            raise DeliveryInDoubt(delivery.delivery_id, delivery.provider, DOUBT_RETRY_AFTER)
        case DeliveryState.UNKNOWN:
            raise DeliveryFateUnknown(delivery.delivery_id)
        case DeliveryState.SENDING:
            raise DeliveryInProgress(delivery.delivery_id, (delivery.sending_until or since) - since)


def _first_attempt(request: HandOffRequest, now: datetime) -> Delivery:
    message = request.message
    return Delivery(
        delivery_id=message.delivery_id,
        channel=message.channel,
        state=DeliveryState.SENDING,
        recipient_hint=message.recipient_hint,
        fingerprint=message.fingerprint,
        provider=request.provider,
        fencing_token=request.fencing_token,
        create_time=now,
        update_time=now,
        # Nobody knows any more whether a provider took it then.
        doubt_count=1 if request.since_first_attempt >= REMEMBERED_FOR else 0,
        sending_until=now + LEASE,
    )


def _next_attempt(stored: Delivery, request: HandOffRequest, now: datetime) -> Delivery:
    return changed(
        stored,
        state=DeliveryState.SENDING,
        provider=request.provider,
        fencing_token=request.fencing_token,
        attempt_count=stored.attempt_count + 1,
        sending_until=now + LEASE,
        retry_time=None,
        update_time=now,
    )


def _doubted(stored: Delivery, said: str, now: datetime) -> Delivery:
    doubts = stored.doubt_count + 1
    state = DeliveryState.UNKNOWN if doubts >= MAX_DOUBTS else DeliveryState.IN_DOUBT
    return _settled(stored, state, said, now, doubt_count=doubts)


def _settled(stored: Delivery, state: DeliveryState, said: str, now: datetime, **more: Any) -> Delivery:
    return changed(stored, state=state, provider_answer=_short(said), sending_until=None, update_time=now, **more)


def _short(said: str) -> str:
    # What a provider says is foreign text: one printable line of bounded length is kept.
    said = said[: 4 * MAX_ANSWER_CHARACTERS]
    if not said.isprintable():
        said = "".join(c if c.isprintable() else " " for c in said)
    line = " ".join(said.split())
    return line if len(line) <= MAX_ANSWER_CHARACTERS else line[: MAX_ANSWER_CHARACTERS - 1] + "…"
